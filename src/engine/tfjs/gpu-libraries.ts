import { messageOf } from '../../errors.ts'

/** What TensorFlow 2.9, which tfjs-node-gpu brings, opens on Linux: the driver, CUDA 11 and cuDNN 8. */
const LIBRARIES = [
  'libcuda.so.1',
  'libcudart.so.11.0',
  'libcublas.so.11',
  'libcublasLt.so.11',
  'libcufft.so.10',
  'libcurand.so.10',
  'libcusolver.so.11',
  'libcusparse.so.11',
  'libcudnn.so.8',
]

/** Those of them that the system's loader does not find; none if it is not Linux. */
export function missingGpuLibraries(libraries = LIBRARIES): string[] {
  return process.platform === 'linux' ? libraries.filter((name) => !canOpen(name)) : []
}

/** Asks the loader itself, which knows LD_LIBRARY_PATH and its cache; a library that is no addon is closed again. */
function canOpen(name: string): boolean {
  try {
    process.dlopen({ exports: {} }, name)
    return true
  } catch (error) {
    return messageOf(error).includes('did not self-register')
  }
}
