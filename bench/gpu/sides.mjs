// fedunify on each device, as day.sh has unpacked it, and what one run of it tells.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const { BUNDLE, CUDA_LIBRARIES = '', LD_LIBRARY_PATH = '' } = process.env
export const DATA = join(BUNDLE, 'data')

const cuda = (precision, env) => ({
  key: precision === 'float32' ? 'onnx_cuda' : 'onnx_cuda_tf32',
  app: 'app-cuda',
  device: 'cuda',
  precision,
  env: { ...env, LD_LIBRARY_PATH: [CUDA_LIBRARIES, LD_LIBRARY_PATH].filter(Boolean).join(':') },
})

/** onnxruntime's CUDA provider computes in TF32 where it may; this setting of the CUDA libraries forbids it. */
export const GPU_SIDES = [
  // A step takes 45 ms there, whatever its batch: a round is most of a minute.
  { key: 'onnx_webgpu', app: 'app', device: 'webgpu', precision: 'float32', rounds: 2 },
  cuda('float32', { NVIDIA_TF32_OVERRIDE: '0' }),
  cuda('TF32', {}),
]
export const CPU_SIDE = { key: 'onnx_cpu', app: 'app', device: 'cpu', precision: 'float32', rounds: 2 }

/**
 * One `fedunify run`, in a process of its own.
 * @param flags of the run, as { rounds: 2 }
 * @returns of each round: seconds since the round before ended (the first has none), images/s of each owner's training,
 * mean loss, accuracy of the unified model
 * @throws what the run printed, if it failed
 */
export async function fedunifyRun({ app, device, layout = 'auto', env }, flags, limitSeconds) {
  const options = { engine: 'onnx', device, layout, data: DATA, ...flags }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const bin = join(BUNDLE, app, 'node_modules/fedunify/dist/bin.js')
  const child = spawn(process.execPath, [bin, 'run', '--json', '--quiet', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limitSeconds * 1000,
  })
  let errors = ''
  child.stderr.on('data', (text) => {
    errors += text
  })
  const rounds = []
  let before
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line)
    if (event.type !== 'round-finished') return
    const now = performance.now()
    rounds.push({ seconds: before === undefined ? undefined : (now - before) / 1000, ...figures(event) })
    before = now
  })
  const [code, signal] = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (...how) => resolve(how))
  })
  if (code === 0) return rounds
  throw new Error(
    errors.trim() || (signal ? `ended by ${signal}, at the latest after ${limitSeconds} s` : `code ${code}`),
  )
}

function figures({ locals, merges }) {
  const { correct, images } = merges[0].unified
  return {
    owners: locals.map(({ images, seconds }) => ({ images, seconds })),
    rates: locals.map((local) => local.images / local.seconds),
    loss: locals.reduce((sum, local) => sum + local.loss, 0) / locals.length,
    accuracy: correct / images,
  }
}
