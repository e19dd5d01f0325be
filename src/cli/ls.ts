import type { Command } from 'commander'
import { RESULTS } from '../config/schema.ts'
import { listRuns } from '../ls/list-runs.ts'
import { parseCondition } from '../ls/where.ts'
import { damagedLines, RUN_LIST_FORMATS } from '../report/terminal/run-list.ts'
import { repeated } from './experiment-options.ts'
import { addFormatOptions, type FormatName } from './format-option.ts'
import type { Io } from './io.ts'
import { positive } from './positive.ts'

const HELP = `
A row is a run, or the seeds of one experiment: mean ± standard deviation. Of the keys of the experiments, the columns
are those whose values differ. In a terminal that is too narrow, the last columns are left out.

--where and --sort take a key of an experiment (env, lr, alpha, merge, ...), the name of a merge rule (its unified accuracy
at the last round, a fraction), or one of
  name, id, path, status, seed, rounds, started, time (seconds),
  unified (the merge rule that is sent back to the owners), best (its best accuracy), best-round.
--where takes = != > >= < <=. Several have to hold all.

Sorted by an accuracy (unified, best, a merge rule), each row has how far it is from the best of all, with the 95 % interval
over seeds (Student's t; paired if two seeds are common); noise: the interval contains 0.

Examples:
  fedunify ls                                                the runs in results/, the newest first
  fedunify ls results/reference --sort -unified              the best first
  fedunify ls --where env=H --where 'unified>0.85'
  fedunify ls results/reference --where status=finished --limit 5 --md
  fedunify ls results/reference/table4 --no-group --sort seed

Folders that cannot be read or trusted are named below the table. fedunify check verifies all files of a run; a list
looks at the manifest and the accuracies of the unified models alone.
`

interface ListOptions {
  readonly where?: string[]
  readonly sort: string
  readonly group: boolean
  readonly limit?: number
  readonly format: FormatName
}

export function addLsCommand(program: Command, io: Io): void {
  const command = program
    .command('ls')
    .summary('list runs: filter, sort, find the best')
    .description('Lists the runs below folders: what differs among them, and what they reached.')
    .argument('[runs...]', `folders of runs, run folders, or globs (default: ${RESULTS})`)
    .option('--where <condition>', 'only rows for which it holds: key, operator, value; may be repeated', repeated)
    .option('--sort <key>', 'key to sort by; with a minus before it the largest first', '-started')
    .option('--group', 'one row for the seeds of an experiment (default)', true)
    .option('--no-group', 'one row for each run')
    .option('--limit <n>', 'rows at most', positive)
  addFormatOptions(command)
    .addHelpText('after', HELP)
    .action((runs: string[], options: ListOptions) => list(runs, options, io))
}

async function list(named: readonly string[], options: ListOptions, io: Io): Promise<void> {
  const { where = [], sort, group, limit, format } = options
  const found = await listRuns(named.length > 0 ? named : [RESULTS], {
    grouped: group,
    where: where.map(parseCondition),
    sort,
    limit,
  })
  io.out(RUN_LIST_FORMATS[format](found, io.width))
  // A CSV has no place for them.
  if (format === 'csv') for (const line of damagedLines(found)) io.err(`${line}\n`)
}
