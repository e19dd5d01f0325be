import { extname, relative, sep } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { RESULTS } from '../config/schema.ts'
import { FedunifyError } from '../errors.ts'
import { ALL_RULES, askedRules } from '../remerge/asked-rules.ts'
import { type Method, MOST_OWNERS } from '../remerge/contributions.ts'
import { chosenRounds, openKept } from '../remerge/open-kept.ts'
import { plainTables, TABLES } from '../remerge/plain.ts'
import { remergeRun } from '../remerge/remerge-run.ts'
import { together } from '../remerge/together.ts'
import { askedRule } from '../remerge/usable-rules.ts'
import { fetchProgress } from '../report/terminal/progress.ts'
import { REMERGE_FORMATS } from '../report/terminal/remerge-table.ts'
import { prepareRun } from '../run/prepare.ts'
import { LATEST } from '../runs/latest.ts'
import { loadRun } from '../runs/read/load-run.ts'
import { pickRun } from '../runs/read/pick-run.ts'
import { isRunFile } from '../runs/run-files.ts'
import { isWithin } from '../system/shared-path.ts'
import { oneLine } from '../visible.ts'
import { accessOf, addFetchOptions, type FetchFlags } from './data-options.ts'
import { experimentOfRun } from './experiment-of-run.ts'
import { addFormatOptions, type FormatName } from './format-option.ts'
import { type Io, progressView, putNamed } from './io.ts'
import { positive } from './positive.ts'
import { addSaveOption, openSaving, type SaveFlags } from './save-analysis.ts'

const HELP = `
The run must have kept its owners' weights: fedunify run --keep owners. Nothing is trained. Rules are named as for --merge;
options that are not given are those of the run, or the defaults. A rule that cannot be used on so many owners is listed with
the reason. If the run has a rule of its own in rules/, its code is run.

What it finds is kept in the run folder, in remerge.json, beside what it found there before, and drawn in report.html;
--no-save leaves the folder as it is. The run's own files do not change.

--contributions says for each owner what the merge of all loses without it, --shapley what an owner adds on average to
every coalition of the others: 2^owners models for each rule, for ${MOST_OWNERS} owners at most. Without --rules they are of the rule that
drove the run. A rule that is not defined on so few owners has none. A merge of no owner counts as the model that the owners
received; if each began with weights of its own, as chance.

Examples:
  fedunify run --env dirichlet --alpha 0.3 --owners 5 --name kept --run-id one --keep owners
  fedunify remerge results/kept/one                            every rule, on the last round
  fedunify remerge results/kept/one --rules avg,trimmed-mean:beta=0.2 --round all -o remerge.csv
  fedunify remerge results/kept/one --rules avg,./my-rule.mjs --without 3
  fedunify remerge results/kept/one --contributions
  fedunify remerge results/kept/one --shapley --json
`

interface RemergeOptions extends FetchFlags, SaveFlags {
  readonly rules?: string
  readonly round: 'last' | 'all' | number
  readonly without?: number[]
  readonly contributions?: true
  readonly shapley?: true
  readonly data?: string
  readonly output?: string
  readonly format: FormatName
  readonly quiet?: true
}

export function addRemergeCommand(program: Command, io: Io): void {
  const command = program
    .command('remerge')
    .summary('score merge rules on the kept weights of a run, without training')
    .description(
      "Merges the owners' weights that a run has kept by any rules, and evaluates the models as the run did.",
    )
    .argument('[run]', `run folder, id of a run, or ${LATEST}`, LATEST)
    .option('--rules <names>', `merge rules, or ${ALL_RULES} (default: ${ALL_RULES})`)
    .addOption(new Option('--round <n|last|all>', 'round whose weights are merged').argParser(roundOf).default('last'))
    .option('--without <owner>', 'merge without this owner; may be repeated', ownerList)
    .option('--contributions', 'what each owner contributes: the merge of all against that of the others')
    .option('--shapley', 'what each owner contributes: its Shapley value, exact, for few owners')
    .option('--data <dir>', "folder with the dataset (default: the run's)")
    .option('-o, --output <file>', 'write it to a file; its ending (.csv, .md, .json) is the format if none is named')
    .option('--quiet', 'no progress')
  addSaveOption(command)
  addFetchOptions(command)
  addFormatOptions(command)
    .addHelpText('after', HELP)
    .action((named: string, options: RemergeOptions) => remerge(named, options, io))
}

async function remerge(named: string, options: RemergeOptions, io: Io): Promise<void> {
  const dir = await pickRun(named, RESULTS)
  assertOutput(dir, options.output)
  const run = await loadRun(dir)
  const kept = await openKept(run)
  const rounds = chosenRounds(options.round, kept)
  const saving = await openSaving(run, 'remerge.json', options, io)
  const { signal } = io
  const own = await experimentOfRun(dir, options.data, signal)
  const methods = methodsOf(options)
  const asked = options.rules ?? (methods.length > 0 ? undefined : ALL_RULES)
  const rules = asked === undefined ? [askedRule(own.merge[0]!)] : await askedRules(asked, dir, own)
  const view = progressView(io, options.quiet === true)
  try {
    const access = { ...accessOf(options), signal, progress: fetchProgress(view) }
    const prepared = await prepareRun({ ...own, baseline: 'none', head: undefined }, access)
    const remerged = await remergeRun(run, kept, prepared, {
      rounds,
      rules,
      without: options.without ?? [],
      methods,
      signal,
      progress: (done, all) => view.transfer(`${done} of ${all} models`, done / all, 'evaluated'),
    })
    view.stop()
    const format = formatOf(options)
    const text = REMERGE_FORMATS[format](remerged, options.output === undefined ? io.width : undefined)
    if (options.output === undefined) io.out(text)
    else await putNamed('--output', options.output, text, io)
    if (!saving) return
    const known = await saving.known(TABLES)
    await saving.save(plainTables(together(known ?? [], remerged)))
  } finally {
    view.stop()
  }
}

const methodsOf = ({ contributions, shapley }: RemergeOptions): Method[] => [
  ...(contributions ? (['leave-one-out'] as const) : []),
  ...(shapley ? (['shapley'] as const) : []),
]

const ENDINGS: Readonly<Record<string, FormatName>> = { '.csv': 'csv', '.md': 'markdown', '.json': 'json' }

const formatOf = ({ format, output = '' }: RemergeOptions): FormatName =>
  format === 'terminal' ? (ENDINGS[extname(output)] ?? format) : format

/** @throws FedunifyError (usage) if the output would replace a file of the run */
function assertOutput(dir: string, output: string | undefined): void {
  if (output === undefined) return
  const path = relative(dir, output)
  const [first = ''] = path.split(sep)
  if (!isWithin(path) || !isRunFile(first)) return
  throw new FedunifyError('E_OPTION', `--output ${oneLine(output)} is a file of the run`, 'name another file')
}

function roundOf(text: string): 'last' | 'all' | number {
  if (text === 'last' || text === 'all') return text
  if (/^[1-9]\d*$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a round number, last or all')
}

/** --without 1 --without 3, or --without 1,3 */
const ownerList = (text: string, before: readonly number[] = []): number[] => [
  ...new Set([...before, ...text.split(',').map(positive)]),
]
