import { FedunifyError } from '../errors.ts'
import { PAPER, paperTableFor } from '../paper/tables.ts'
import { nameOf } from '../parts.ts'
import { findRuns } from '../runs/read/find-runs.ts'
import { type LoadedRun, loadRun } from '../runs/read/load-run.ts'
import { commonConfig, paperSide, runSide, type Side } from './side.ts'

/**
 * The sides that are named: a run, a folder of runs (one side for each experiment in it, over its seeds), a glob, or
 * `paper`: the table of the environment that the others are of.
 * @throws FedunifyError (usage) where there are fewer than two, or the paper has no such table; (data) for bad files
 */
export async function namedSides(named: readonly string[]): Promise<Side[]> {
  const envs = new Set<string>()
  const sides: (Side | typeof PAPER)[] = []
  for (const name of named) {
    if (name === PAPER) {
      sides.push(PAPER)
      continue
    }
    const paths = await findRuns(name)
    if (paths.length === 0) {
      throw new FedunifyError('usage', `${name}: there is no such run`, 'name run folders, folders of runs, or paper')
    }
    const runs = await Promise.all(paths.map(loadRun))
    for (const { manifest } of runs) envs.add(nameOf(manifest.config.env))
    sides.push(...experimentSides(name, runs))
  }
  if (sides.length < 2) {
    const other = named.includes(PAPER) ? 'a run to compare it with' : 'a second one, for example paper'
    throw new FedunifyError('usage', `${named.join(' ')}: one side alone`, `name ${other}`)
  }
  return sides.map((side) => (side === PAPER ? paperSide(paperTable([...envs])) : side))
}

/** One side for each experiment among the runs, in their order. */
function experimentSides(name: string, runs: readonly LoadedRun[]): Side[] {
  const groups = new Map<string, LoadedRun[]>()
  for (const run of runs) {
    const key = JSON.stringify(commonConfig(run))
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  const all = [...groups.values()]
  const configs = all.map(([run]) => commonConfig(run!))
  const keys = Object.keys(configs[0]!).filter((key) => new Set(configs.map((c) => JSON.stringify(c[key]))).size > 1)
  return all.map((group, i) => {
    const label = keys.map((key) => `${key} ${plain(configs[i]![key])}`).join(', ')
    const what = group.length === 1 && groups.size === 1 ? group[0]!.path : name
    return runSide(label ? `${what} (${label})` : what, group)
  })
}

const plain = (value: unknown): string =>
  Array.isArray(value) ? value.map(plain).join('+') : typeof value === 'string' ? value : JSON.stringify(value)

function paperTable(envs: readonly string[]) {
  const [env = ''] = envs
  const table = envs.length === 1 ? paperTableFor(env) : undefined
  if (table) return table
  const got = envs.length === 0 ? 'nothing to choose it by' : `env ${envs.join(' and ')}`
  throw new FedunifyError(
    'usage',
    `paper: its tables are of env V (Table 3) and env H (Table 4), got ${got}`,
    envs.length > 1 ? 'compare the runs of one env at a time' : 'compare it with a run of one of these',
  )
}
