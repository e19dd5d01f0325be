import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { FedunifyError } from '../../../errors.ts'
import { compiled } from '../../../system/compiled.ts'
import type { Device } from '../../engine.ts'
import { hasNvidiaGpu } from '../../nvidia.ts'
import { RUNTIME_FOLDER } from './runtime.ts'

/** The command that adds onnxruntime's CUDA library, on a machine that reaches the internet. */
export const ADD_CUDA = 'ONNXRUNTIME_NODE_INSTALL=cuda12 npm explore onnxruntime-node -- npm run postinstall'
const ADD_VULKAN = 'apt-get install libvulkan1, and the driver of your GPU'

/**
 * Tries the device in a process of its own: what a native library or a driver prints, or crashes, is not the user's.
 * @throws FedunifyError (usage) naming what is missing: library, driver, GPU
 */
export async function requireProvider(device: Exclude<Device, 'cpu'>): Promise<void> {
  if (device === 'cuda') await requireCuda()
  const wrong = await probe(device)
  if (wrong !== '') throw device === 'cuda' ? cudaRefusal(wrong) : webgpuRefusal(wrong)
}

/** What is wrong with the device; empty if it works. */
async function probe(device: Device): Promise<string> {
  try {
    return (
      await promisify(execFile)(process.execPath, [compiled('probe', import.meta.url), device], { timeout: 60_000 })
    ).stdout
  } catch (error) {
    const { killed, signal } = error as { killed?: boolean; signal?: string }
    return killed ? 'it did not answer within a minute' : `it crashed${signal ? ` (${signal})` : ''}`
  }
}

/** What can be seen without loading anything: the native library complains on the terminal by itself. */
async function requireCuda(): Promise<void> {
  const library = cudaLibrary()
  if (library === undefined) {
    const platform = `${process.platform}-${process.arch}`
    throw missing(`onnxruntime has no CUDA library for ${platform}`, 'use --device webgpu or cpu')
  }
  const lacks = [
    ...((await hasNvidiaGpu()) ? [] : ['an NVIDIA GPU with its driver']),
    ...(existsSync(library) ? [] : ["onnxruntime's CUDA library (for CUDA 12 and cuDNN 9)"]),
  ]
  if (lacks.length === 0) return
  throw missing(`not found here: ${lacks.join('; ')}`, existsSync(library) ? 'nvidia-smi should list a GPU' : ADD_CUDA)
}

function cudaLibrary(): string | undefined {
  const file = { linux: 'libonnxruntime_providers_cuda.so', win32: 'onnxruntime_providers_cuda.dll' }[
    process.platform as string
  ]
  if (!file || process.arch !== 'x64') return undefined
  return join(RUNTIME_FOLDER, 'bin', 'napi-v6', process.platform, process.arch, file)
}

function cudaRefusal(message: string): FedunifyError {
  const lacking = /(lib(?:cudnn|cublas|cudart|cufft|curand|nvrtc)\w*\.so[\d.]*)/.exec(message)?.[1]
  return lacking
    ? missing(
        `onnxruntime on CUDA needs ${lacking}`,
        'install CUDA 12 and cuDNN 9, and let LD_LIBRARY_PATH name their folder',
      )
    : missing(`onnxruntime cannot use CUDA: ${firstLine(message)}`, 'fedunify doctor')
}

function webgpuRefusal(message: string): FedunifyError {
  return /adapter/i.test(message)
    ? missing(
        'WebGPU finds no GPU here (on Linux it needs Vulkan)',
        process.platform === 'linux' ? ADD_VULKAN : undefined,
      )
    : missing(`onnxruntime cannot use WebGPU: ${firstLine(message)}`, 'fedunify doctor')
}

const missing = (message: string, hint?: string) => new FedunifyError('E_ENGINE_UNAVAILABLE', message, hint)
const firstLine = (message: string) => message.split('\n')[0]!.replace(/^\S*onnxruntime_src\S*\s*/, '')
