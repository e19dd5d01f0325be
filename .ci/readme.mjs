// Fills the tables between the README's markers from committed files; with --check it fails where they differ.
// Needs a build: the paper's figures come from build/.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'csv-parse/sync'
import { LAST_EPOCH_TEXT, PAPER_SERIES, PAPER_TABLES, roundBeside } from '../build/paper/tables.js'
import { kindOfSeries, POOLED_SERIES, seriesTitle } from '../build/runs/series-name.js'

const root = new URL('../', import.meta.url)
const read = (path) => readFileSync(new URL(path, root), 'utf8')
const csv = (path) => parse(read(path), { columns: true })
const table = (head, rows) =>
  [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')

/** Ten rounds with the defaults, both environments side by side. */
function first() {
  const [V, H] = ['V', 'H'].map((env) => csv(`results/reference/first/${env}/table.csv`))
  const head = ['round', 'V local 1', 'V local 2', '**V avg**', 'H local 1', 'H local 2', '**H avg**']
  const rows = V.map((v, i) => {
    const h = H[i]
    return [v.epoch, v.local_1, v.local_2, `**${v.avg}**`, h.local_1, h.local_2, `**${h.avg}**`]
  })
  const source =
    'From [results/reference/first](results/reference/first): `fedunify run --env V` and `--env H`, nothing else set.'
  return `${table(head, rows)}\n\n${source}`
}

const n = (value) => Math.round(value).toLocaleString('en-US')

/** Speed and memory, as the suites of `npm run bench` measured them. */
function speed() {
  const suite = (name) => {
    const report = JSON.parse(read(`results/bench/${name}.json`))
    // Those of before the format was numbered have none; what is read here has not changed since.
    if ((report.format ?? 1) !== 1) throw new Error(`results/bench/${name}.json: format ${report.format}, expected 1`)
    return report
  }
  const training = suite('training')
  const [forward, rounds] = [suite('forward'), suite('rounds')]
  const { machine, versions, peak_gflops: peak, figures } = training
  const torch = `PyTorch ${versions.torch}`
  const row = ({ figures }, key, name) => {
    const { median, min, max } = figures[key]
    return median === undefined ? [] : [[name, `**${n(median)}**`, `${n(min)} – ${n(max)}`]]
  }
  const rows = [
    ...row(training, 'fedunify_blocked_2', 'training: fedunify, two workers on two cores'),
    ...row(training, 'torch_nchw_2', `training: ${torch}, NCHW, two processes of one thread`),
    ...row(training, 'torch_channels_last_2', `training: ${torch}, channels_last, two processes of one thread`),
    ...row(training, 'fedunify_blocked_1', 'training: fedunify, one worker'),
    ...row(training, 'torch_nchw_1', `training: ${torch}, NCHW, one thread`),
    ...row(training, 'torch_channels_last_1', `training: ${torch}, channels_last, one thread`),
    ...row(forward, 'fedunify_blocked', 'evaluation: fedunify, one worker'),
    ...row(forward, 'torch_nchw', `evaluation: ${torch}, NCHW, one thread`),
    ...row(forward, 'torch_channels_last', `evaluation: ${torch}, channels_last, one thread`),
  ]
  const times = ({ ratios }, key) => ratios[key].of_medians?.toFixed(2)
  const against = (part, suffix) =>
    `${times(part, `blocked_to_torch_nchw${suffix}`)} × PyTorch NCHW and ` +
    `${times(part, `blocked_to_torch_channels_last${suffix}`)} × channels_last`
  const ratios = versions.torch
    ? `On one core fedunify trains at ${against(training, '_1')}, and evaluates at ${against(forward, '')}. `
    : ''
  const facts =
    'Reference CNN, batch 64, plain SGD, real images; the sides in turn in one run on ' +
    `${machine.cores} cores (${machine.cpu}). ${ratios}` +
    `That is ${n(figures.gflops.median)} GFLOP/s in training, of a core's peak of ${n(peak.max)}; ` +
    `two owners on two cores train ${times(training, 'two_owners_to_one')} × as fast as one. ` +
    `A whole \`fedunify run\` peaks at ${n(rounds.figures.peak_mib.median)} MiB, and all that is not training ` +
    `(evaluating, merging, writing) takes ${rounds.figures.rest.median} % of a round. ` +
    'From [results/bench](results/bench): `npm run bench`.'
  return `${table(['', 'images/s, median', 'min – max'], rows)}\n\n${facts}`
}

/** The paper's Tables 3 and 4 beside ours: mean ± sd over the seeds. */
function paper() {
  const measured = PAPER_TABLES.filter(({ number }) => existsSync(new URL(`results/reference/table${number}`, root)))
  const parts = measured.map(({ number, env, rows }) => {
    const summary = csv(`results/reference/table${number}/summary.csv`)
    const last = Math.max(...summary.map(({ round }) => Number(round)))
    const seeds = summary[0].seeds
    const ours = (round, series) => {
      const row = summary.find((r) => r.series === series && Number(r.round) === round)
      return `${(100 * row.mean).toFixed(2)}${row.sd ? ` ± ${(100 * row.sd).toFixed(2)}` : ''}`
    }
    const lines = rows.map((row) => {
      const at = roundBeside(row)
      const name = at === 'end' ? `last (ours ${last}, paper ${LAST_EPOCH_TEXT})` : String(at)
      const round = at === 'end' ? last : at
      return [name, ...PAPER_SERIES.map((series) => `**${ours(round, series)}** / ${row[series].toFixed(2)}`)]
    })
    const head = ['round', ...PAPER_SERIES.map(seriesTitle)]
    return `Table ${number}, environment ${env}, **ours** (${seeds} seeds, mean ± sd) / the paper:\n\n${table(head, lines)}`
  })
  return parts.join('\n\n')
}

const PERCENT = (value) => (100 * value).toFixed(2)

const MERGES = PAPER_SERIES.filter((series) => kindOfSeries(series) === 'unified')

/** The column that a table is about is bold. */
const bold = (series, text) => (series === 'avg' ? `**${text}**` : text)

/** The other reading of the paper: a run for each merge, from shared initial weights. */
function separate() {
  const lines = [3, 4].flatMap((number) => {
    const summary = csv(`results/reference/table${number}-separate/summary.csv`)
    const last = Math.max(...summary.map(({ round }) => Number(round)))
    const of = (merge, round) =>
      PERCENT(summary.find((r) => r.group === merge && r.series === merge && Number(r.round) === round).mean)
    return [1, 2, 3, last].map((round) => [
      `${number === 3 ? 'V' : 'H'}, ${round}`,
      ...MERGES.map((merge) => of(merge, round)),
    ])
  })
  return table(['env, round', ...MERGES.map((merge) => `${merge} run`)], lines)
}

/** The unified model beside one that was trained on the pooled data. */
function pooled() {
  const summary = csv('results/reference/pooled/summary.csv')
  const last = Math.max(...summary.map(({ round }) => Number(round)))
  const all = [...PAPER_SERIES, POOLED_SERIES]
  const lines = ['V', 'H'].map((env) => {
    const of = (series) =>
      Number(summary.find((r) => r.group === env && r.series === series && Number(r.round) === last).mean)
    const gap = PERCENT(of('pooled') - of('avg'))
    return [env, ...all.map((series) => bold(series, PERCENT(of(series)))), `**${gap}**`]
  })
  const head = [`round ${last}`, ...all.map((series) => bold(series, seriesTitle(series))), '**pooled − avg**']
  return table(head, lines)
}

/** How far environment V goes with a larger model, beside the paper's last row. */
function best() {
  const summary = csv('results/reference/best-v/summary.csv')
  const last = Math.max(...summary.map(({ round }) => Number(round)))
  const of = (name, round) => PERCENT(summary.find((r) => r.series === name && Number(r.round) === round).mean)
  const ours = [1, last / 4, last / 2, last].map((round) => [
    `round ${round}`,
    ...PAPER_SERIES.map((name) => bold(name, of(name, round))),
  ])
  const printed = PAPER_TABLES.find(({ env }) => env === 'V').rows.at(-1)
  const paper = ['the paper, last row', ...PAPER_SERIES.map((name) => printed[name].toFixed(2))]
  return table(['V', ...PAPER_SERIES.map((name) => bold(name, seriesTitle(name)))], [...ours, paper])
}

const parts = { first, speed, paper, separate, pooled, best }
const file = fileURLToPath(new URL('README.md', root))
const before = readFileSync(file, 'utf8')
let after = before
for (const [name, make] of Object.entries(parts)) {
  const marked = new RegExp(`(<!-- table:${name} -->\n)[^]*?(<!-- /table:${name} -->)`)
  if (!marked.test(after)) continue
  const text = make()
  after = after.replace(marked, (_, open, close) => `${open}${text}\n${close}`)
}
if (process.argv.includes('--check')) {
  if (after !== before) {
    console.error('README.md: a table differs from its source; fill it with: node .ci/readme.mjs')
    process.exit(1)
  }
  console.log('README.md: every table is as its source')
} else if (after !== before) writeFileSync(file, after)
