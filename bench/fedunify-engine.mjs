// Trains or evaluates a model with fedunify's engine: one owner for each worker, all at once as in a round.
// Speaks as torch_baseline.py does: `ready`, a line on stdin, one JSON line. Started by suites.

import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { loadDataset } from '../build/data/load-dataset.js'
import { widestBytes } from '../build/engine/onnx/graph/micro-batch-size.js'
import { findBlocked } from '../build/engine/onnx/machine/find-blocked.js'
import { loadOnnx } from '../build/engine/onnx/machine/load-onnx.js'
import { onnxEngine } from '../build/engine/onnx/session/onnx-engine.js'
import { initialWeights } from '../build/model/init.js'
import { buildModel } from '../build/model/model.js'
import { presetLayers } from '../build/model/presets.js'

const string = (value) => ({ type: 'string', default: value })
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    data: string(),
    layout: string('auto'),
    workers: string('1'),
    images: string(),
    'warm-up': string(),
    passes: string('1'),
    batch: string('64'),
    lr: string('0.1'),
    mean: string(),
    std: string(),
    model: string('cnn'),
    clip: string(),
    noise: string(),
    'micro-batch': string(),
  },
})
const [mode] = positionals
const { data, layout, model: preset, 'micro-batch': microBatch, ...numbers } = values
const { workers, images, passes, batch, lr, mean, std, clip, noise, 'warm-up': warmUp } = mapValues(numbers, Number)

const dataset = await loadDataset({ dataset: 'fashion-mnist', dir: data })
const model = buildModel(presetLayers(preset, dataset.classes), dataset.shape, dataset.classes)
const engine = microBatch === undefined ? await loadOnnx('cpu', layout) : await inMicroBatches(Number(microBatch))
const learner = await engine.open({
  model,
  dataset,
  normalise: { mean, std },
  optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0 },
  seed: 0,
  workers,
  signal: undefined,
})
const weights = initialWeights(model, 0)

/** One epoch of one owner, on images of its own. Resolves to its mean loss and to when its last step was done. */
async function train(owner, count) {
  const train = indices(owner, count)
  // The evaluation that follows an owner's training is no part of the figure: its last report ends the clock.
  const plan = {
    owner: owner + 1,
    name: `owner ${owner + 1}`,
    round: 1,
    train,
    test: train.subarray(0, 1),
    batch,
    lr,
    epochs: 1,
    ...(clip > 0 && { record: { clip, noise } }),
  }
  let end
  const { loss } = await learner.train(weights, plan, (progress) => {
    if (progress.images === progress.total) end = now()
  })
  return { loss, end }
}

/** The evaluation of one model on the images of one owner, with all that the engine does for it. */
async function forward(owner, count) {
  const { lossSum } = await learner.evaluate(weights, indices(owner, count))
  return { loss: lossSum / count, end: now() }
}

/** The blocked layout in micro-batches of so many images, 0: in whole batches, whatever is quickest on this machine. */
async function inMicroBatches(size) {
  const { block } = await findBlocked()
  return onnxEngine({ device: 'cpu', block, cacheBytes: size * widestBytes(model) })
}

async function run(count) {
  const work = { train, forward }[mode]
  const owners = await Promise.all(Array.from({ length: workers }, (_, owner) => work(owner, count)))
  const loss = owners.reduce((sum, owner) => sum + owner.loss, 0) / workers
  return { loss, end: Math.max(...owners.map(({ end }) => end)) }
}

await run(warmUp)
console.log('ready')
await once(process.stdin, 'data')
const begin = now()
let last
for (let pass = 0; pass < passes; pass++) last = await run(images)
await learner.close()
const result = {
  begin,
  ...last,
  images: images * workers * passes,
  memory: process.resourceUsage().maxRSS / 1024,
  versions: { engine: engine.version, node: process.versions.node },
}
console.log(JSON.stringify(result))
process.stdin.destroy()

function indices(owner, count) {
  return Uint32Array.from({ length: count }, (_, i) => owner * images + i)
}

function now() {
  return Date.now() / 1000
}

function mapValues(object, map) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]))
}
