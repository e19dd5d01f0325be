import { resolve } from 'node:path'
import { decisive } from '../config/hash.ts'
import { FedunifyError } from '../errors.ts'
import type { Manifest } from '../runs/manifest.ts'
import { findRuns } from '../runs/read/find-runs.ts'
import { loadRun } from '../runs/read/load-run.ts'
import { readEvents, type SavedEvents } from '../runs/read/read-events.ts'
import type { Tables } from '../runs/read/read-tables.ts'

/** All that a run folder tells. */
export interface RunRecord {
  readonly path: string
  readonly manifest: Manifest
  /** Its complete rounds. */
  readonly tables: Pick<Tables, 'local' | 'unified'>
  /** Undefined where the folder holds no events.jsonl. */
  readonly events: SavedEvents | undefined
}

/** Runs that differ in nothing but their seed. */
export interface RunGroup {
  /** What tells it apart from the other groups, such as «env H, lr 0.05»; empty for a group alone. */
  readonly label: string
  /** One for each seed, in their order. */
  readonly runs: readonly RunRecord[]
  /** Runs of a seed that another run of the group has too: the same numbers again, which would look like agreement. */
  readonly repeats: readonly RunRecord[]
}

/**
 * The runs that the folders or globs given name, each once, with their events.
 * @throws FedunifyError (data) where a name has no run, or a file of a run is missing, torn, edited or foreign
 */
export async function loadRuns(named: readonly string[]): Promise<RunRecord[]> {
  const paths = new Map<string, string>()
  for (const name of named) {
    const found = await findRuns(name)
    if (found.length === 0) {
      const hint = 'name the folder of a run, as `fedunify run` prints it, or of a batch, such as results/table4'
      const why = /[*?{[]/.test(name) ? 'the glob matches no run' : 'no such folder'
      throw new FedunifyError('data', `${name}: ${why}`, hint)
    }
    for (const path of found) if (!paths.has(resolve(path))) paths.set(resolve(path), path)
  }
  const runs: RunRecord[] = []
  for (const path of paths.values()) {
    const { manifest, rounds, local, unified } = await loadRun(path)
    const events = await readEvents(path)
    // A round that was under way when its run stopped may be in one file and not yet in the others.
    const known = events && { ...events, rounds: events.rounds.filter(({ round }) => round <= rounds) }
    runs.push({ path, manifest, tables: { local, unified }, events: known })
  }
  return runs
}

/** Groups runs by everything that decides their numbers but the seed, in the order in which they were given. */
export function groupRuns(runs: readonly RunRecord[]): RunGroup[] {
  const groups = new Map<string, RunRecord[]>()
  for (const run of runs) {
    const key = JSON.stringify([run.manifest.config.name, Object.entries(facts(run))])
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  const lists = [...groups.values()]
  const nameOf = ([first]: readonly RunRecord[]) => first!.manifest.config.name
  const names = new Set(lists.map(nameOf))
  return lists.map((list) => {
    // Only what tells it apart from those of its own name: experiments of different names differ in much.
    const own = lists.filter((other) => nameOf(other) === nameOf(list)).map(([first]) => facts(first!))
    const differences = differing(own).map((key) => say(key, facts(list[0]!)[key]))
    return {
      label: [...(names.size > 1 ? [nameOf(list)] : []), ...differences].join(', '),
      ...onePerSeed(list),
    }
  })
}

/** Of the runs of a seed, the one that came furthest. */
function onePerSeed(list: readonly RunRecord[]): Pick<RunGroup, 'runs' | 'repeats'> {
  const rounds = ({ tables }: RunRecord) => tables.unified.at(-1)?.round ?? 0
  const seed = ({ manifest }: RunRecord) => manifest.config.seed
  const sorted = list.toSorted((a, b) => seed(a) - seed(b) || rounds(b) - rounds(a))
  const runs = sorted.filter((run, i) => i === 0 || seed(run) !== seed(sorted[i - 1]!))
  return { runs, repeats: sorted.filter((run) => !runs.includes(run)) }
}

function facts({ manifest }: RunRecord): Record<string, unknown> {
  const { seed: _, ...rest } = decisive(manifest.config)
  return rest
}

function differing(all: readonly Record<string, unknown>[]): string[] {
  const keys = [...new Set(all.flatMap((one) => Object.keys(one)))]
  return keys.filter((key) => new Set(all.map((one) => JSON.stringify(one[key]))).size > 1)
}

function say(key: string, value: unknown): string {
  if (value === undefined) return `no ${key}`
  return `${key} ${Array.isArray(value) && value.every((v) => typeof v !== 'object') ? value.join('+') : typeof value === 'object' ? JSON.stringify(value) : value}`
}
