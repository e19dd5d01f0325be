// fedunify as a library: run an experiment, follow its events, read the run back, merge models.
//
//     node examples/library.mjs                  two rounds on 7,000 images of Fashion-MNIST: a few seconds
//     node examples/library.mjs data/mine out    your own four IDX files; the run folder is out/first
import { join } from 'node:path'
import { accuracy, FedunifyError, mergeModels, mergeRules, readModel, readRun, runExperiment } from 'fedunify'

const [data, out = 'results/library'] = process.argv.slice(2)
const folder = join(out, 'first')

/** @type {import('fedunify').ExperimentInput} */
const experiment = {
  ...(data ? { dataset: 'idx', data } : { images: 7000 }),
  env: { dirichlet: { alpha: 0.5 } },
  owners: 3,
  model: 'mlp',
  merge: ['weighted-avg', 'median'],
  server: { avgm: { momentum: 0.5 } },
  rounds: 2,
}

// Ctrl-C stops behind the last complete round; { resume: true } goes on from there.
const controller = new AbortController()
process.once('SIGINT', () => controller.abort())

const updates = []
try {
  for await (const event of runExperiment(experiment, { folder, signal: controller.signal })) {
    if (event.type !== 'round-finished') continue
    const scores = event.merges.map(({ merge, unified }) => `${merge} ${(100 * accuracy(unified)).toFixed(2)} %`)
    console.log(`round ${event.round}: ${scores.join(', ')}`)
    updates.push({ owner: event.round, trainImages: 1, weights: event.weights })
  }
} catch (error) {
  if (!(error instanceof FedunifyError)) throw error
  console.error(`${error.code}: ${error.message}`)
  process.exit(error.exitCode)
}

// What `fedunify check`, `compare` and `report` read: tables that were compared with their hashes.
const run = await readRun(folder)
console.log(
  `${run.rounds} rounds, ${run.manifest.shards.length} owners, config ${run.manifest.config_hash.slice(0, 8)}`,
)

// The rules work on any models with the same tensors: here on the unified models of all rounds.
const mean = mergeModels('avg', updates)
const last = await readModel(folder)
console.log(`${mean.size} tensors, as many as the last model: ${mean.size === last.size}`)
console.log(`rules: ${Object.keys(mergeRules).join(', ')}`)
