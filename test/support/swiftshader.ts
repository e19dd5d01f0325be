import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** Where Debian's chromium brings SwiftShader, a Vulkan device in software; the tests' own setting comes first. */
const DRIVER = process.env.VK_ICD_FILENAMES ?? '/usr/lib/chromium/vk_swiftshader_icd.json'
const LOADERS = ['/usr/lib/x86_64-linux-gnu/libvulkan.so.1', '/usr/lib/aarch64-linux-gnu/libvulkan.so.1']

/** Whether WebGPU can be tested here; sets what its Vulkan loader reads. Must be called before a session is made. */
export function useSwiftShader(): boolean {
  if (!existsSync(DRIVER) || !LOADERS.some((file) => existsSync(file))) {
    console.log('WebGPU is not tested: it needs the Debian packages chromium-common and libvulkan1')
    return false
  }
  process.env.VK_ICD_FILENAMES = DRIVER
  process.env.XDG_RUNTIME_DIR ??= tmpdir()
  return true
}
