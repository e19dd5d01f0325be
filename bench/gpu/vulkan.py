"""Prints the devices that the Vulkan loader finds, as vulkaninfo --summary would."""

import ctypes
import struct
import sys

KINDS = ["other", "integrated GPU", "discrete GPU", "virtual GPU", "CPU"]


def version(number):
    return f"{number >> 22}.{number >> 12 & 0x3FF}.{number & 0xFFF}"


try:
    vulkan = ctypes.CDLL("libvulkan.so.1")
except OSError as error:
    sys.exit(f"no Vulkan loader: {error}")

# VkInstanceCreateInfo: its type is 1; flags, application, layers and extensions are left out.
create_info = ctypes.create_string_buffer(struct.pack("=I4xQ48x", 1, 0))
instance = ctypes.c_void_p()
code = vulkan.vkCreateInstance(create_info, None, ctypes.byref(instance))
if code != 0:
    sys.exit(f"no Vulkan instance: error {code} (-9: no driver that fits)")

count = ctypes.c_uint32(0)
vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), None)
devices = (ctypes.c_void_p * count.value)()
vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), devices)
print(f"Vulkan devices: {count.value}")
for device in devices:
    properties = ctypes.create_string_buffer(4096)
    vulkan.vkGetPhysicalDeviceProperties(ctypes.c_void_p(device), properties)
    api, driver, vendor, _, kind = struct.unpack_from("=5I", properties)
    name = properties.raw[20:276].split(b"\0")[0].decode()
    print(f"  {name}: {KINDS[kind]}, vendor {vendor:#x}, Vulkan {version(api)}, driver {driver:#x}")
