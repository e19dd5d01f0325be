import { FedunifyError } from '../errors.ts'
import { PAPER, type PaperTable, paperTableFor } from '../paper/tables.ts'
import { nameOf } from '../parts.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { allRuns, namedRuns } from '../runs/read/named-runs.ts'
import { groupRuns } from '../runs/read/run-groups.ts'
import { paperSide, runSide, type Side } from './side.ts'

/**
 * The sides that are named: a run, a folder of runs (one side for each experiment in it, over its seeds), a glob, or
 * `paper`: the table of the environment that the others are of, which comes first.
 * @throws FedunifyError (usage) if there are fewer than two, or the paper has no such table; (data) for bad files
 */
export async function namedSides(named: readonly string[]): Promise<Side[]> {
  const others = named.filter((name) => name !== PAPER)
  const runs = (await namedRuns(others)).map(allRuns)
  const own = new Map(others.map((name, i) => [name, runs[i]!]))
  const envs = [...new Set(runs.flat().map(({ manifest }) => nameOf(manifest.config.env)))]
  // What others are measured against comes first, as in the report: differences are ours minus the paper's.
  const ordered = [...named.filter((name) => name === PAPER), ...others]
  const sides = ordered.flatMap((name): (Side | typeof PAPER)[] =>
    name === PAPER ? [PAPER] : experimentSides(name, own.get(name)!),
  )
  if (sides.length < 2) {
    const other = named.includes(PAPER) ? 'a run to compare it with' : 'a second one, for example paper'
    throw new FedunifyError('E_OPTION', `compare needs two sides or more, got ${named.join(' ')}`, `name ${other}`)
  }
  return sides.map((side) => (side === PAPER ? paperSide(tableOf(envs)) : side))
}

/**
 * One side for each experiment among the runs, in the order in which they were started: that of the experiment file, as
 * a batch follows it.
 */
function experimentSides(name: string, runs: readonly LoadedRun[]): Side[] {
  const start = ({ manifest }: LoadedRun) => Date.parse(manifest.started)
  const inOrder = runs.toSorted((a, b) => start(a) - start(b))
  const groups = groupRuns(inOrder, ({ manifest }) => manifest.config)
  const what = runs.length === 1 ? runs[0]!.path : name
  return groups.map((group) => runSide(group.label ? `${what} (${group.label})` : what, group))
}

function tableOf(envs: readonly string[]): PaperTable {
  const [env = ''] = envs
  const table = envs.length === 1 ? paperTableFor(env) : undefined
  if (table) return table
  const got = envs.length === 0 ? 'nothing to choose it by' : `env ${envs.join(' and ')}`
  throw new FedunifyError(
    'E_OPTION',
    `paper: its tables are of env V (Table 3) and env H (Table 4), got ${got}`,
    envs.length > 1 ? 'compare the runs of one env at a time' : 'compare it with a run of one of these',
  )
}
