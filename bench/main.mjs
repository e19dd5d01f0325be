// Measures fedunify, alone and beside PyTorch: see README.md, or --help.

import { mkdir, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { locateFashionMnist } from '../build/data/fashion-mnist/locate.js'
import { VERSION } from '../build/package.js'
import { FORMAT, figure, json, summarise, withSnakeCase } from './figures.mjs'
import { machine, pinning } from './machine.mjs'
import { parseOptions } from './options.mjs'
import { peak } from './peak.mjs'
import { table } from './table.mjs'
import { findTorch } from './torch.mjs'

const options = parseOptions(process.argv.slice(2))
const note = (text) => console.error(text)
const load = loadavg()[0]
if (load > 0.3) note(`this machine is not idle (load ${load.toFixed(1)}): do not quote these figures`)
const { cores, pin } = pinning(options.cores)
if (!cores) note('no taskset, or not these cores: programs run where the system puts them')

const data = await findData()
const python = findTorch(options.python, note)
if (!python) note('PyTorch is left out: see bench/README.md')

const { quick, runs, skipped } = options
const top = await peak(pin)
const times = (normal, few) => runs ?? (quick ? few : normal)
const isWanted = ({ key }) => !skipped.some((start) => key.startsWith(start))
const bench = { quick, times, isWanted, data, python, pin, note, peak: Math.max(...top.gflops) }
note(`peak of one core: ${bench.peak} GFLOP/s, by ${top.by}`)
await mkdir(options.out, { recursive: true })
const summaries = {}
const failed = []
for (const { name, measure } of options.suites) {
  const date = new Date().toISOString()
  try {
    const { versions, settings, details, ...samples } = await measure(bench)
    const summary = summarise(samples)
    summaries[name] = summary
    const report = {
      format: FORMAT,
      date,
      command: options.command,
      machine: { ...machine(), load_before: Number(load.toFixed(2)), pinned_to_cores: cores },
      versions: { fedunify: VERSION, node: process.versions.node, ...versions },
      settings: withSnakeCase(settings),
      peak_gflops: { ...figure(top.gflops, 1), by: top.by },
      ...summary,
      ...(details && { details }),
    }
    await writeFile(join(options.out, `${name}.json`), json(report))
  } catch (error) {
    // The figures of the other suites are worth having all the same.
    failed.push(name)
    note(`${name} failed: ${error.message}`)
  }
}

const gflops = summaries.training?.figures.gflops.median
const share = gflops ? `: ${Math.round((100 * gflops) / bench.peak)} % of the core's peak` : ''
console.log(`training, one core: ${gflops ? `${gflops} GFLOP/s${share}` : 'not measured (suite training)'}`)
console.log(`peak, one core:     ${bench.peak} GFLOP/s, by ${top.by}\n`)
console.log(table(Object.values(summaries)))

const judged = Object.values(summaries).flatMap(({ figures, ratios }) =>
  [...Object.values(figures), ...Object.values(ratios)].filter(({ target }) => target),
)
const withStatus = (status) => judged.filter((one) => one.status === status).map(({ name }) => name)
const [passed, missed, open] = ['pass', 'miss', 'not measured'].map(withStatus)
console.log(`\ntargets: ${passed.length} met, ${missed.length} missed, ${open.length} not measured`)
for (const name of missed) console.log(`  missed: ${name}`)
for (const name of open) console.log(`  not measured: ${name}`)
for (const name of failed) console.log(`  failed: suite ${name}`)
process.exitCode = failed.length > 0 || (options.strict && missed.length > 0) ? 1 : 0

async function findData() {
  try {
    return (await locateFashionMnist({ dir: options.data })).dir
  } catch (error) {
    note(`error: ${error.message}\nhint: ${error.hint}`)
    process.exit(3)
  }
}
