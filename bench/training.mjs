// Training speed beside PyTorch, peak memory, and the server's share of a run: see README.md.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { locateFashionMnist } from '../dist/data/locate.js'
import { VERSION } from '../dist/results/manifest.js'
import { alone, findTorch, together } from './children.mjs'
import { figure, json, median, ratio, table } from './figures.mjs'

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '7' },
    images: { type: 'string', default: '9600' },
    'whole-runs': { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    data: { type: 'string' },
    python: { type: 'string' },
    out: { type: 'string', default: fileURLToPath(new URL('../results/bench/training.json', import.meta.url)) },
  },
})
const runs = count('runs')
const images = count('images')
const wholeRuns = count('whole-runs')
const rounds = count('rounds')
const WARM_UP = 1600
const SETTINGS = { batch: 64, lr: 0.1, mean: 0.286, std: 0.353 }

const { dir: data } = await locateFashionMnist({ dir: options.data })
const pythons = options.python ? [options.python] : ['python3', '/usr/bin/python3']
const python = findTorch(pythons, path('torch_baseline.py'), note)
const cores = availableParallelism()
const load = loadavg()[0]
if (!python) note('PyTorch is left out: see bench/README.md')
if (cores < 2) note('this machine has one core: the figures for two workers mean little')
if (load > 0.3) note(`this machine is not idle (load ${load.toFixed(1)}): do not quote these figures`)

const fedunify = (workers) => () => together([[process.execPath, path('fedunify-training.mjs'), ...args({ workers })]])
const torch = (layout, processes) => () =>
  together(
    Array.from({ length: processes }, (_, owner) => [python, path('torch_baseline.py'), ...args({ layout, owner })]),
  )
const MEASURES = [
  { key: 'fedunify_2', cores: 2, name: 'fedunify, 2 workers', run: fedunify(2) },
  { key: 'torch_nchw_2', cores: 2, name: 'PyTorch NCHW, 2 processes', run: torch('nchw', 2) },
  {
    key: 'torch_channels_last_2',
    cores: 2,
    name: 'PyTorch channels_last, 2 processes',
    run: torch('channels_last', 2),
  },
  { key: 'fedunify_1', cores: 1, name: 'fedunify, 1 worker', run: fedunify(1) },
  { key: 'torch_nchw_1', cores: 1, name: 'PyTorch NCHW, 1 process', run: torch('nchw', 1) },
  { key: 'torch_channels_last_1', cores: 1, name: 'PyTorch channels_last, 1 process', run: torch('channels_last', 1) },
].filter(({ key }) => python || !key.startsWith('torch'))

const began = new Date()
const versions = { fedunify: VERSION }
const trained = new Map(MEASURES.map(({ key }) => [key, { rate: [], memory: [], loss: [] }]))
for (let run = 0; run < runs; run++) {
  // Each run begins with another measure, so that none always follows the same one.
  for (let i = 0; i < MEASURES.length; i++) {
    const { key, name, run: measure } = MEASURES[(run + i) % MEASURES.length]
    const results = await measure()
    const wall = Math.max(...results.map(({ end }) => end)) - Math.min(...results.map(({ begin }) => begin))
    const rate = sum(results, 'images') / wall
    const { rate: rates, memory, loss } = trained.get(key)
    rates.push(rate)
    memory.push(sum(results, 'memory'))
    loss.push(sum(results, 'loss') / results.length)
    Object.assign(versions, results[0].versions)
    note(`run ${run + 1} of ${runs}: ${name}: ${Math.round(rate)} images/s, loss ${loss.at(-1).toFixed(3)}`)
  }
}

const whole = []
for (let run = 0; run < wholeRuns; run++) {
  whole.push(await wholeRun())
  const { seconds, memory } = whole.at(-1)
  note(`whole run ${run + 1} of ${wholeRuns}: ${seconds.total.toFixed(1)} s, ${Math.round(memory)} MiB`)
}

const rates = (key) => trained.get(key)?.rate
const against = (key, other) => (rates(other) ? ratio(rates(key), rates(other)) : undefined)
const training = MEASURES.map(({ key, cores, name }) => ({
  key,
  name: `${name}: images/s`,
  rate: figure(rates(key)),
  toTorchSameCores: against(key, `torch_nchw_${cores}`),
  toTorchOneCore: against(key, 'torch_nchw_1'),
  memory: figure(trained.get(key).memory),
  loss: figure(trained.get(key).loss, 3),
}))
const memory = figure(whole.map(({ memory }) => memory))
const share = figure(
  whole.map(({ seconds }) => (100 * (seconds.merge + seconds.evaluate + seconds.write)) / seconds.total),
  1,
)
const part = (name) => Number(median(whole.map(({ seconds }) => seconds[name])).toFixed(3))
const torchMemory = training.find(({ key }) => key === 'torch_nchw_2')?.memory

const rows = [
  ...training.map((t) => [t.name, t.rate, 0, t.toTorchSameCores, t.toTorchOneCore]),
  [`fedunify run --rounds ${rounds}, 2 workers: peak MiB`, memory, 0],
  ...(torchMemory ? [['PyTorch NCHW, 2 processes: peak MiB of both', torchMemory, 0]] : []),
  [`server-side share of fedunify run --rounds ${rounds}: %`, share, 1],
]
console.log(table(rows))

const report = {
  date: began.toISOString(),
  command: `node bench/training.mjs --runs ${runs} --images ${images} --whole-runs ${wholeRuns} --rounds ${rounds}`,
  machine: {
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model.trim(),
    cores,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    load_before: Number(load.toFixed(2)),
  },
  versions,
  settings: { model: 'cnn', optimizer: 'sgd', ...SETTINGS, images_per_worker: images, warm_up_images: WARM_UP },
  images_per_second: Object.fromEntries(training.map((t) => [t.key, t.rate])),
  to_torch_nchw_same_cores: Object.fromEntries(training.map((t) => [t.key, t.toTorchSameCores])),
  to_torch_nchw_one_core: Object.fromEntries(training.map((t) => [t.key, t.toTorchOneCore])),
  mean_loss: Object.fromEntries(training.map((t) => [t.key, t.loss])),
  training_peak_mib: Object.fromEntries(training.map((t) => [t.key, t.memory])),
  whole_run: {
    rounds,
    peak_mib: memory,
    server_side_percent: share,
    median_seconds: Object.fromEntries(['total', 'train', 'merge', 'evaluate', 'write'].map((key) => [key, part(key)])),
  },
}
await mkdir(join(options.out, '..'), { recursive: true })
await writeFile(options.out, json(report))

/** `fedunify run` from start to end on all 70,000 images, in a folder that is removed. */
async function wholeRun() {
  const out = await mkdtemp(join(tmpdir(), 'fedunify-bench-'))
  const where = ['--data', data, '--out', out, '--name', 'bench', '--run-id', 'run']
  try {
    const { memory } = await alone([
      process.execPath,
      path('fedunify-run.mjs'),
      ...['run', '--quiet', '--rounds', String(rounds), '--owners', '2', '--workers', '2', ...where],
    ])
    const { seconds } = JSON.parse(await readFile(join(out, 'bench', 'run', 'manifest.json'), 'utf8'))
    return { memory, seconds }
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}

function args(own) {
  const all = { ...own, data, images, 'warm-up': WARM_UP, ...SETTINGS }
  return Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)])
}

function count(name) {
  const value = Number(options[name])
  if (Number.isInteger(value) && value > 0) return value
  throw new Error(`--${name}: expected a whole number above 0, got ${options[name]}`)
}

function sum(results, key) {
  return results.reduce((total, result) => total + result[key], 0)
}

function path(file) {
  return fileURLToPath(new URL(file, import.meta.url))
}

function note(text) {
  console.error(text)
}
