// Trains the reference CNN with fedunify's engine, one owner for each worker, all at once as in a round.
// Speaks as torch_baseline.py does: `ready`, a line on stdin, one JSON line. Started by training.mjs.

import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { loadDataset } from '../dist/data/load.js'
import { loadOnnx } from '../dist/engine/onnx/load.js'
import { initialWeights } from '../dist/model/init.js'
import { buildModel } from '../dist/model/model.js'
import { PRESETS } from '../dist/model/presets.js'

const names = ['data', 'workers', 'images', 'warm-up', 'batch', 'lr', 'mean', 'std']
const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) })
const [workers, images, warmUp, batch, lr, mean, std] = names.slice(1).map((name) => Number(values[name]))

const dataset = await loadDataset({ dataset: 'fashion-mnist', dir: values.data })
const model = buildModel(PRESETS.cnn, [1, dataset.rows, dataset.cols], dataset.classes)
const engine = await loadOnnx('cpu', 'auto')
const learner = await engine.open({
  model,
  dataset,
  normalise: { mean, std },
  optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0 },
  seed: 0,
  workers,
  signal: undefined,
})
const start = initialWeights(model, 0)

/** One epoch of every owner, on images of its own. Resolves to when the last step of the last owner was done. */
async function train(count) {
  const ends = []
  const owners = Array.from({ length: workers }, async (_, owner) => {
    const train = Uint32Array.from({ length: count }, (_, i) => owner * images + i)
    // The evaluation that follows an owner's training is no part of the figure: its last report ends the clock.
    const plan = { owner: owner + 1, round: 1, train, test: train.subarray(0, 1), batch, lr, epochs: 1 }
    const { loss } = await learner.train(start, plan, (progress) => {
      if (progress.images === progress.total) ends.push(Date.now() / 1000)
    })
    return loss
  })
  const losses = await Promise.all(owners)
  if (ends.length !== workers) throw new Error('an owner did not report its last step')
  return { end: Math.max(...ends), loss: losses.reduce((a, b) => a + b) / workers }
}

await train(warmUp)
console.log('ready')
await once(process.stdin, 'data')
const begin = Date.now() / 1000
const { end, loss } = await train(images)
await learner.close()
const result = {
  begin,
  end,
  images: images * workers,
  loss,
  memory: process.resourceUsage().maxRSS / 1024,
  versions: { engine: engine.version, node: process.versions.node },
}
console.log(JSON.stringify(result))
process.stdin.destroy()
