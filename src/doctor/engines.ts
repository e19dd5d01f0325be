import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Dataset } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import { ENGINE_NAMES, ENGINES, type EngineName } from '../engine/registry.ts'
import { messageOf } from '../errors.ts'
import { duration } from '../format.ts'
import { initialWeights } from '../model/init.ts'
import { buildModel } from '../model/model.ts'
import { range } from '../random.ts'
import type { Finding } from './finding.ts'

/** Each engine trains a few images; then what is there besides and is not used so far. */
export async function checkEngines(signal: AbortSignal): Promise<Finding[]> {
  const engines = await Promise.all(ENGINE_NAMES.map((name) => checkEngine(name, ENGINES[name], signal)))
  return [...engines, await checkProviders(), checkTensorflow()]
}

/** @param load the engine's entry in the registry */
export async function checkEngine(
  name: EngineName,
  load: () => Promise<Engine>,
  signal: AbortSignal,
): Promise<Finding> {
  const subject = `engine ${name}`
  try {
    const engine = await load()
    const seconds = await trainALittle(engine, signal)
    const detail = `${engine.version} on ${engine.device}, trained a batch in ${duration(seconds)}`
    return { subject, status: 'ok', detail }
  } catch (error) {
    const detail = signal.aborted ? 'did not answer in time' : messageOf(error).split('\n')[0]!
    return { subject, status: 'problem', detail, ...reinstall() }
  }
}

/** A native library that does not load here came for another platform or not whole; a checkout can install it again. */
function reinstall(): { fix?: string } {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  return existsSync(join(root, 'package-lock.json')) ? { fix: `npm --prefix ${root} ci` } : {}
}

/** One batch through every kind of layer of the default model: the same session, threads and graph as in a run. */
async function trainALittle(engine: Engine, signal: AbortSignal): Promise<number> {
  const [count, size, classes] = [16, 4, 2]
  const pixels = Uint8Array.from({ length: count * size * size }, (_, i) => (i * 37) % 256)
  const dataset: Dataset = {
    name: 'idx',
    images: shared(pixels),
    labels: shared(Uint8Array.from({ length: count }, (_, i) => i % classes)),
    count,
    rows: size,
    cols: size,
    classes,
    sha256: {},
    source: 'made for this check',
  }
  const model = buildModel(
    [
      { type: 'conv2d', filters: 2, kernel: 3, padding: 'same' },
      { type: 'relu' },
      { type: 'maxpool2d', size: 2 },
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
    const plan = { owner: 1, round: 1, train: images, test: images, batch: count, lr: 0.1, epochs: 1 }
    await learner.train(initialWeights(model, 0), { ...plan, untilAccuracy: undefined }, () => {})
    return (performance.now() - began) / 1000
  } finally {
    await learner.close()
  }
}

function shared(values: Uint8Array): Uint8Array<SharedArrayBuffer> {
  const copy = new Uint8Array(new SharedArrayBuffer(values.length))
  copy.set(values)
  return copy
}

async function checkProviders(): Promise<Finding> {
  const { providers } = await import('../engine/onnx/providers.ts')
  const others = providers().filter(({ name }) => name !== 'cpu')
  const shown = others.map(({ name, bundled }) => `${name} ${bundled ? 'bundled' : 'not bundled'}`)
  return { subject: 'other devices', status: 'ok', detail: `${shown.join(', ') || 'none'}; not used yet` }
}

/** Resolved and not loaded: loading would start its native library. */
function checkTensorflow(): Finding {
  const name = '@tensorflow/tfjs-node-gpu'
  const state = (() => {
    try {
      const { version } = createRequire(import.meta.url)(`${name}/package.json`)
      return `${version} installed`
    } catch {
      return 'not installed'
    }
  })()
  return { subject: 'tfjs-node-gpu', status: 'ok', detail: `${name} ${state}; not used yet` }
}
