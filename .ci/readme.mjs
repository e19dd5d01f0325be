// Fills the figures of README.md and docs/*.md from committed files; with --check it fails if one of them differs.
// A figure is a table or a number between two comments. The first names a function of FIGURES, below, and its arguments:
//   <!-- figure: ours table3 avg end -->92.99 ± 0.12<!-- /figure -->
// Needs a build: the paper's figures come from build/.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { sizeText } from '../bench/figures.mjs'
import { GROUPS } from '../bench/operator-groups.mjs'
import { NAMED_KEYS } from '../build/config/parts/choice-keys.js'
import { decimals, duration, plusMinus, thousands } from '../build/format.js'
import { LAST_EPOCH_TEXT, PAPER_SERIES, PAPER_TABLES, printedAt, roundBeside } from '../build/paper/tables.js'
import { nameOf } from '../build/parts.js'
import { paperTable } from '../build/report/terminal/paper-table.js'
import { kindOfSeries, POOLED_SERIES, seriesTitle } from '../build/runs/series-name.js'
import { leaderboardRows } from './leaderboard.mjs'
import { auditedRows, utilityRows } from './privacy.mjs'
import { searchedRows } from './searched.mjs'

const FILLED = [
  'README.md',
  ...readdirSync(new URL('../docs', import.meta.url))
    .filter((n) => n.endsWith('.md'))
    .map((n) => `docs/${n}`),
]

const at = (path) => new URL(`../${path}`, import.meta.url)
const read = (path) => readFileSync(at(path), 'utf8')
const csv = (path, options) => parse(read(path), options)
const table = (head, rows) =>
  [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')

/** The series that a table is about is bold. */
const bold = (series, text) => (series === 'avg' ? `**${text}**` : text)

const MERGES = PAPER_SERIES.filter((series) => kindOfSeries(series) === 'unified')

/** A batch below results/reference, by its summary.csv: `of` gives mean and sd in percent. */
function batch(name) {
  const rows = csv(`results/reference/${name}/summary.csv`, { columns: true })
  const last = Math.max(...rows.map(({ round }) => Number(round)))
  const of = (series, round, group = '') => {
    const wanted = round === 'end' ? last : Number(round)
    const row = rows.find((r) => r.group === group && r.series === series && Number(r.round) === wanted)
    if (row === undefined) throw new Error(`${name} has no ${series} in round ${round} of group "${group}"`)
    return { mean: 100 * row.mean, sd: row.sd === '' ? Number.NaN : 100 * row.sd }
  }
  return { last, seeds: rows[0].seeds, of, mean: (...args) => decimals(of(...args).mean) }
}

/** A figure of the paper: `name` is table3 or table4. */
function printed(name, series, round) {
  const found = PAPER_TABLES.find(({ number }) => name === `table${number}`)
  return printedAt(found, series, round === 'end' ? round : Number(round))
}

/**
 * By how many points ours lie above the paper's (`sign` 1), below (-1) or either (0), over lists of tables, rounds and
 * series: one gap with two decimals, of several the least and the most.
 */
const gaps = (sign) => (tables, rounds, list) => {
  const all = tables.split(',').flatMap((name) => {
    const { of } = batch(name)
    const gap = (series, round) => of(series, round).mean - printed(name, series, round)
    return rounds.split(',').flatMap((round) => list.split(',').map((series) => gap(series, round)))
  })
  const signed = all.map((gap) => (sign === 0 ? Math.abs(gap) : sign * gap))
  if (signed.some((gap) => gap < 0)) throw new Error(`not all of ${tables} ${rounds} ${list} lie on that side`)
  if (signed.length === 1) return decimals(signed[0])
  return `${Math.round(Math.min(...signed))} to ${Math.round(Math.max(...signed))}`
}

/** How long a run below results/reference took, or all runs of a batch together. */
function seconds(name) {
  const files = readdirSync(at(`results/reference/${name}`), { recursive: true })
  const manifests = files.filter((file) => file.endsWith('manifest.json'))
  const each = manifests.map((file) => JSON.parse(read(`results/reference/${name}/${file}`)).seconds.total)
  return duration(each.reduce((sum, one) => sum + one, 0))
}

/** What a run with the defaults prints at its end, the rounds in the middle left out. */
function printout(name) {
  const rows = csv(`results/reference/first/${name}/table.csv`)
  const lines = paperTable(rows).split('\n')
  const [round, , , avg] = rows.at(-1)
  const verdict = `unified accuracy ${avg} % (avg, round ${round})`
  return ['```text', ...lines.slice(0, 4), '…', lines.at(-1), '', verdict, '```'].join('\n')
}

/** Ten rounds with the defaults, both environments side by side. */
function first() {
  const [V, H] = ['V', 'H'].map((env) => csv(`results/reference/first/${env}/table.csv`, { columns: true }))
  const head = ['round', 'V local 1', 'V local 2', '**V avg**', 'H local 1', 'H local 2', '**H avg**']
  const rows = V.map((v, i) => {
    const h = H[i]
    return [v.epoch, v.local_1, v.local_2, `**${v.avg}**`, h.local_1, h.local_2, `**${h.avg}**`]
  })
  return table(head, rows)
}

/** A table of the paper next to ours: mean ± sd over the seeds. */
function paper(name) {
  const { number, env, rows } = PAPER_TABLES.find(({ number }) => name === `table${number}`)
  const { last, seeds, of } = batch(name)
  const lines = rows.map((row) => {
    const round = roundBeside(row)
    const title = round === 'end' ? `last (ours ${last}, paper ${LAST_EPOCH_TEXT})` : String(round)
    const cell = (series) => `**${plusMinus(of(series, round), decimals)}** / ${decimals(row[series])}`
    return [title, ...PAPER_SERIES.map(cell)]
  })
  const caption = `Table ${number}, environment ${env}, **ours** (${seeds} seeds, mean ± sd) / the paper:`
  return `${caption}\n\n${table(['round', ...PAPER_SERIES.map(seriesTitle)], lines)}`
}

/** The other reading of the paper: a run for each merge rule, from shared initial weights. */
function separate() {
  const lines = PAPER_TABLES.flatMap(({ number, env }) => {
    const { last, mean } = batch(`table${number}-separate`)
    const cells = (round) => MERGES.map((merge) => mean(merge, round, merge))
    return [1, 2, 3, last].map((round) => [`${env}, ${round}`, ...cells(round)])
  })
  return table(['env, round', ...MERGES.map((merge) => `${merge} run`)], lines)
}

/** By how many points a model that was trained on the pooled data lies above the unified one. */
function behindPooled(env) {
  const { of } = batch('pooled')
  return decimals(of(POOLED_SERIES, 'end', env).mean - of('avg', 'end', env).mean)
}

/** The unified model next to one that was trained on the pooled data. */
function pooled() {
  const { last, mean } = batch('pooled')
  const all = [...PAPER_SERIES, POOLED_SERIES]
  const lines = ['V', 'H'].map((env) => [
    env,
    ...all.map((series) => bold(series, mean(series, last, env))),
    `**${behindPooled(env)}**`,
  ])
  const head = [`round ${last}`, ...all.map((series) => bold(series, seriesTitle(series))), '**pooled − avg**']
  return table(head, lines)
}

/** How far environment V goes with a larger model, next to the paper's last row. */
function best() {
  const { last, mean } = batch('best-v')
  const ours = [1, last / 4, last / 2, last].map((round) => [
    `round ${round}`,
    ...PAPER_SERIES.map((series) => bold(series, mean(series, round))),
  ])
  const theirs = ['the paper, last row', ...PAPER_SERIES.map((series) => decimals(printed('table3', series, 'end')))]
  return table(['V', ...PAPER_SERIES.map((series) => bold(series, seriesTitle(series)))], [...ours, theirs])
}

/** Methods at equal rounds, the best first; of a batch with variants. */
function leaderboard(name, most) {
  const [head, ...rows] = leaderboardRows(at(`results/reference/${name}`).pathname, most && Number(most))
  return table(head, rows).replace('---: | ---:', '--- | ---:')
}

/** The accuracy of one method of such a batch. */
function leaderboardOf(name, method) {
  const [, ...rows] = leaderboardRows(at(`results/reference/${name}`).pathname)
  const [, , accuracy] = rows.find(([cell]) => cell === `\`${method}\``)
  return accuracy.replaceAll('*', '')
}

/** Settings of an environment that a search tried with so many seeds at least. */
function searched(env, seeds, most) {
  const [head, ...rows] = searchedRows(read('results/bench/gpu/search.jsonl'), env, Number(seeds))
  return table(head, rows.slice(0, Number(most)))
}

/** Accuracies after attacks: a row for each merge rule. */
function robust(name) {
  const folder = `results/reference/${name}`
  const ids = readdirSync(at(folder)).filter((id) => existsSync(at(`${folder}/${id}/manifest.json`)))
  const runs = ids.map((id) => {
    const { config, status } = JSON.parse(read(`${folder}/${id}/manifest.json`))
    const rule = nameOf(config.merge[0])
    const end = csv(`${folder}/${id}/unified.csv`, { columns: true }).at(-1)
    const text =
      status === 'finished' ? decimals(100 * Number(end.accuracy)) : `fails in round ${Number(end.round) + 1}`
    return { rule, attack: nameOf(config.attack ?? 'none'), text }
  })
  const names = (key, registry) => Object.keys(registry).filter((one) => runs.some((run) => run[key] === one))
  const [rules, attacks] = [names('rule', NAMED_KEYS.merge.parts), names('attack', NAMED_KEYS.attack.parts)]
  const cell = (rule, attack) => runs.find((run) => run.rule === rule && run.attack === attack)?.text ?? ''
  return table(
    ['merge', ...attacks],
    rules.map((rule) => [`\`${rule}\``, ...attacks.map((attack) => cell(rule, attack))]),
  )
}

/** What one of the keys of an experiment may name, from its registry. */
function parts(key) {
  const all = Object.entries(NAMED_KEYS[key].parts)
  const hasWhen = all.some(([, part]) => part.when)
  const row = ([name, { summary, when, source }]) => [`\`${name}\``, summary, ...(hasWhen ? [when] : []), source]
  const head = [key, 'what it does', ...(hasWhen ? ['when to use it'] : []), 'source']
  return table(head, all.map(row)).replaceAll('---:', '---')
}

function suite(name) {
  const report = JSON.parse(read(`results/bench/${name}.json`))
  // Those of before the format was numbered have none; what is read here has not changed since.
  if ((report.format ?? 1) !== 1) throw new Error(`results/bench/${name}.json: format ${report.format}, expected 1`)
  return report
}

/** A ratio of a suite of `npm run bench`, by its key. */
const ratio = (name, key) => suite(name).ratios[key].of_medians?.toFixed(2)

/**
 * Images a second, as the suites of `npm run bench` measured them.
 * @param folder with a slash behind it, if another machine's
 */
function speed(folder = '') {
  const training = suite(`${folder}training`)
  const forward = suite(`${folder}forward`)
  const torch = `PyTorch ${training.versions.torch.split('+')[0]}`
  const row = ({ figures }, key, name) => {
    const { median, min, max } = figures[key] ?? {}
    return median === undefined ? [] : [[name, `**${thousands(median)}**`, `${thousands(min)} – ${thousands(max)}`]]
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
  return table(['', 'images/s, median', 'min – max'], rows)
}

/** The most that a core of another machine can do, and the share of it that training reaches. */
const peak = (folder) => suite(`${folder}training`).peak_gflops.max
const share = (folder) => suite(`${folder}training`).figures.share_of_peak.median.toFixed(2)

/** Microseconds of each kind of operator in a training step, on two machines. */
function operators() {
  const [here, intel] = [suite('operators'), suite('intel/operators')]
  const cpu = ({ machine }) => machine.cpu.split(',')[0]
  const columns = [
    [here, 'whole', `${cpu(here)}, whole batches`],
    [intel, 'whole', `${cpu(intel)}, whole batches`],
    [intel, 'micro_16', 'the same, micro-batches of 16'],
  ]
  const rows = Object.entries({ ...GROUPS, sum: 'sum' }).map(([group, name]) => [
    name,
    ...columns.map(([{ figures }, way]) => thousands(figures[`${way}_${group}`].median)),
  ])
  return table(['operators', ...columns.map(([, , name]) => name)], rows)
}

/** Training in micro-batches beside whole batches, and what fedunify chose on that machine. */
function microBatches(folder = '') {
  const { machine, figures, details } = suite(`${folder}micro-batches`)
  const rows = Object.entries(figures).map(([key, { name, median, min, max }]) => [
    name,
    `**${thousands(median)}**`,
    `${thousands(min)} – ${thousands(max)}`,
    key === 'whole' ? '' : ratio(`${folder}micro-batches`, `${key}_to_whole`),
  ])
  const { cache_bytes } = details.found_here
  const chosen = cache_bytes === 0 ? 'whole batches' : `parts of at most ${thousands(cache_bytes)} bytes a layer`
  const head = ['one worker', 'images/s, median', 'min – max', '× whole batches']
  return `${table(head, rows)}\n\n${machine.cores} cores, ${machine.cpu}. fedunify chose ${chosen} there.`
}

/** What else those suites say of a run: its speed next to PyTorch's and to the processor's peak, and its memory. */
function facts() {
  const { machine, versions, peak_gflops, figures } = suite('training')
  const rounds = suite('rounds').figures
  const against = (name, suffix) =>
    `${ratio(name, `blocked_to_torch_nchw${suffix}`)} × PyTorch NCHW and ` +
    `${ratio(name, `blocked_to_torch_channels_last${suffix}`)} × channels_last`
  const lines = [
    `- The machine has ${machine.cores} cores (${machine.cpu}).`,
    `- On one core fedunify reaches ${thousands(figures.gflops.median)} GFLOP/s in training. The core's peak is ${thousands(peak_gflops.max)}.`,
    `- Two owners on two cores train ${ratio('training', 'two_owners_to_one')} × as fast as one owner on one core.`,
    `- A whole \`fedunify run\` peaks at ${thousands(rounds.peak_mib.median)} MiB.`,
    `- All that is not training (evaluating, merging, writing) takes ${rounds.rest.median} % of a round, and ${rounds.rest_seldom.median} % with \`evaluate-every: 10\`.`,
  ]
  const times = `- On one core fedunify trains at ${against('training', '_1')}, and evaluates at ${against('forward', '')}.`
  if (versions.torch) lines.splice(1, 0, times)
  return lines.join('\n')
}

/** Merging two files of 1 GB beside copying them, as the suite offline of `npm run bench` measured it. */
function offline() {
  const { machine, figures } = suite('offline')
  const row = ({ unit, median, min, max }, name) => [name, `**${median}** ${unit}`, `${min} – ${max}`]
  const rows = [
    row(figures.merge, '`fedunify merge A B -o M`'),
    row(figures.copy, '`cat A B > C && sync C`'),
    row(figures.mib, 'peak memory of the merge'),
  ]
  const of = `${ratio('offline', 'merge_to_copy')} × the time of the copy`
  const where = `${machine.cores} cores, ${machine.cpu}, load ${machine.load_before} at the start`
  return `${table([of, 'median', 'min – max'], rows)}\n\n${where}.`
}

/** Seconds of a round over the broker besides training, as bench/federation.mjs measured them. */
function federation() {
  const lines = suite('federation').results.map(({ name, median_seconds, at_most }) => [
    name,
    `**${median_seconds.toFixed(2)}**`,
    at_most === null ? '' : `at most ${at_most}`,
  ])
  return table(['owners and model, all on one machine', 's a round besides training, median', 'target'], lines)
}

/** Memory of the parties over many rounds, as bench/federation.mjs measured it. */
function federationMemory() {
  const [{ mebibytes }] = suite('federation-memory').results
  const lines = Object.entries(mebibytes).map(([party, { early, late }]) => [party, String(early), String(late)])
  return table(['party', 'MiB early', 'MiB late'], lines)
}

/** What masked sums cost an owner and the server in a round, as the suite masks of `npm run bench` measured it. */
function masks() {
  const { machine, figures, details } = suite('masks')
  const rows = details.bytes.map(({ owners, weights, vector_bytes, key_bytes }) => {
    const size = sizeText(weights)
    const median = (party) => `**${figures[`${party}_${owners}_${size}`].median}**`
    return [
      `${owners} owners, ${size} weights`,
      median('owner'),
      median('server'),
      thousands(vector_bytes),
      `${key_bytes}`,
    ]
  })
  const head = ['', 's, each owner', 's, server', 'bytes up, each owner', 'of its key']
  return `${table(head, rows)}\n\nOne core, ${machine.cpu}; medians.`
}

/** How much faster two workers do a batch than one, as bench/batch-on.mjs measured it. */
const batchOn = () => decimals(suite('batch-on').results[0].ratio)

/** What attacks found out of the runs of a batch, by the groups given. */
function audited(name, groups) {
  const [head, ...rows] = auditedRows(at(`results/reference/${name}`).pathname, groups.split(','))
  return table(head, rows)
}

/** What noise costs in accuracy, and what a user of the models finds out, for each `key` of a batch. */
function utility(name, key) {
  const [head, ...rows] = utilityRows(at(`results/reference/${name}`).pathname, key)
  return table(head, rows)
}

const FIGURES = {
  ours: (name, series, round, group) => plusMinus(batch(name).of(series, round, group), decimals),
  printed: (...args) => decimals(printed(...args)),
  above: gaps(1),
  below: gaps(-1),
  apart: gaps(0),
  seconds,
  printout,
  first,
  paper,
  separate,
  'behind-pooled': behindPooled,
  pooled,
  best,
  ratio,
  speed,
  peak,
  share,
  operators,
  'micro-batches': microBatches,
  facts,
  offline,
  federation,
  masks,
  'federation-memory': federationMemory,
  'batch-on': batchOn,
  leaderboard,
  'leaderboard-of': leaderboardOf,
  searched,
  audited,
  utility,
  robust,
  parts,
}

const OPENING = '<!-- figure: '
const MARKED = new RegExp(`(${OPENING}(.+?) -->(\n?))(?:(?!${OPENING})[^])*?(<!-- /figure -->)`, 'g')

function fill(text, file) {
  let count = 0
  const filled = text.replace(MARKED, (_, open, call, newline, close) => {
    count++
    const [name, ...args] = call.split(' ')
    if (FIGURES[name] === undefined) throw new Error(`${file}: there is no figure ${name}`)
    return `${open}${FIGURES[name](...args)}${newline}${close}`
  })
  if (count !== text.split(OPENING).length - 1) throw new Error(`${file}: a figure has no end`)
  return filled
}

const differing = FILLED.filter((file) => {
  const before = read(file)
  const after = fill(before, file)
  if (after !== before && !process.argv.includes('--check')) writeFileSync(at(file), after)
  return after !== before
})
if (process.argv.includes('--check') && differing.length > 0) {
  console.error(`${differing.join(', ')}: a figure differs from its source; fill it in with: node .ci/readme.mjs`)
  process.exit(1)
}
console.log(differing.length > 0 ? `filled: ${differing.join(', ')}` : 'every figure is as its source')
