import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Dataset } from '../data/dataset.ts'
import type { Device, Engine } from '../engine/engine.ts'
import { ENGINES, type EngineEntry } from '../engine/registry.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import { duration } from '../format.ts'
import { initialWeights } from '../model/init.ts'
import { buildModel } from '../model/model.ts'
import { ROOT } from '../package.ts'
import { range } from '../random.ts'
import { shellWord } from '../system/shell-word.ts'
import type { Weights } from '../weights/weights.ts'
import type { Finding } from './finding.ts'

/** How far from what the CPU trains, relative to the training: rounding, also TF32's, stays far below it. */
const TOLERANCE = 0.02

/** Each engine trains a few images on each of its devices. */
export async function checkEngines(signal: AbortSignal): Promise<Finding[]> {
  const found: Finding[] = []
  // One after the other: native libraries that start side by side get in each other's way.
  for (const [name, { devices, load }] of Object.entries<EngineEntry>(ENGINES)) {
    for (const device of devices) found.push(await checkEngine(name, device, () => load(device, 'auto'), signal))
  }
  return found
}

/** A device that is not there is no problem: a run with `auto` takes another. The CPU is always there. */
export async function checkEngine(
  name: string,
  device: Device,
  load: () => Promise<Engine>,
  signal: AbortSignal,
): Promise<Finding> {
  const needed = name === 'onnx' && device === 'cpu'
  const about = { subject: `${name} on ${device}`, ...(!needed && { optional: true as const }) }
  try {
    const engine = await load()
    const { weights, seconds } = await trainALittle(engine, signal)
    const parts = [engine.version, ...(engine.tuning ? [engine.tuning] : []), `trained a batch in ${briefly(seconds)}`]
    const detail = parts.join(', ')
    const wrong = name === 'onnx' && !needed ? await differenceFromCpu(weights, signal) : undefined
    if (wrong) return { ...about, status: 'warning', detail: `${detail}; ${wrong}`, fix: 'fedunify run --device cpu' }
    if (!engine.note) return { ...about, status: 'ok', detail }
    return { ...about, status: needed ? 'warning' : 'ok', detail: `${detail}; ${engine.note}` }
  } catch (error) {
    const detail = signal.aborted ? 'did not answer in time' : messageOf(error).split('\n')[0]!
    const refusal = error instanceof FedunifyError ? error : undefined
    const helps = refusal?.hint && { fix: refusal.hint }
    if (!needed) return { ...about, status: 'absent', detail, ...helps }
    // Without a cause it was refused before it was loaded: to install it again would not help.
    return { ...about, status: 'problem', detail, ...(refusal && !refusal.cause ? helps : reinstall()) }
  }
}

/** A batch takes little time. */
const briefly = (seconds: number) => (seconds < 1 ? `${Math.ceil(1000 * seconds)} ms` : duration(seconds))

/** A native library that does not load here came for another platform or not whole; a checkout can install it again. */
function reinstall(): { fix?: string } {
  return existsSync(join(ROOT, 'package-lock.json')) ? { fix: `npm --prefix ${shellWord(ROOT)} ci` } : {}
}

/** Says what a device trained otherwise than the CPU does: a driver that computes wrong values says nothing itself. */
async function differenceFromCpu(weights: Weights, signal: AbortSignal): Promise<string | undefined> {
  const cpu = await ENGINES.onnx.load('cpu', 'standard')
  const { weights: expected, start } = await trainALittle(cpu, signal)
  for (const [name, { data }] of expected) {
    const off = distance(weights.get(name)!.data, data) / distance(data, start.get(name)!.data)
    if (!(off <= TOLERANCE)) return `but its ${name} is ${Math.round(100 * off)} % off what the CPU trains`
  }
  return undefined
}

/**
 * One batch through every kind of layer of the default model: the same session, threads and graph as in a run. Images
 * of the batch and filters of the first layer, the channels of convolutions, are as many as WebGPU once got wrong.
 */
async function trainALittle(
  engine: Engine,
  signal: AbortSignal,
): Promise<{ start: Weights; weights: Weights; seconds: number }> {
  const [count, size, classes] = [18, 4, 2]
  const pixels = Uint8Array.from({ length: count * size * size }, (_, i) => (i * 37) % 256)
  const dataset: Dataset = {
    name: 'idx',
    shape: [1, size, size],
    elements: 'uint8',
    images: shared(pixels),
    labels: shared(Uint8Array.from({ length: count }, (_, i) => i % classes)),
    count,
    classes,
    classNames: ['0', '1'],
    trainCount: count,
    sha256: {},
    source: 'made for this check',
  }
  const model = buildModel(
    [
      { type: 'conv2d', filters: 6, kernel: 3, padding: 'same' },
      { type: 'relu' },
      { type: 'maxpool2d', size: 2 },
      { type: 'conv2d', filters: 4, kernel: 3, padding: 'same' },
      { type: 'relu' },
      { type: 'flatten' },
      { type: 'dense', units: classes },
    ],
    [1, size, size],
    classes,
  )
  const began = performance.now()
  const optimizer = { kind: 'sgd', momentum: 0, weightDecay: 0 } as const
  const normalise = { mean: 0.5, std: 0.5 }
  const learner = await engine.open({ model, dataset, normalise, optimizer, seed: 0, workers: 1, signal })
  try {
    const images = range(count)
    const plan = {
      owner: 1,
      name: 'the check',
      round: 1,
      train: images,
      test: images,
      batch: count,
      lr: 0.1,
      epochs: 1,
      untilAccuracy: undefined,
      evaluate: false,
    }
    const start = initialWeights(model, 0)
    const { weights } = await learner.train(start, plan, () => {})
    return { start, weights, seconds: (performance.now() - began) / 1000 }
  } finally {
    await learner.close()
  }
}

const distance = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0))

function shared(values: Uint8Array): Uint8Array<SharedArrayBuffer> {
  const copy = new Uint8Array(new SharedArrayBuffer(values.length))
  copy.set(values)
  return copy
}
