import { access } from 'node:fs/promises'

/** What the NVIDIA driver leaves on a machine that it drives: the device on Linux, its library on Windows. */
const TRACES = ['/dev/nvidia0', '/dev/dxg', 'C:\\Windows\\System32\\nvcuda.dll']

/** Whether an NVIDIA GPU is there with its driver; nothing of CUDA is loaded for it. */
export async function hasNvidiaGpu(traces: readonly string[] = TRACES): Promise<boolean> {
  const found = await Promise.all(
    traces.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  )
  return found.includes(true)
}
