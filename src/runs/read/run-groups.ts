import { withoutSeed } from '../../config/hash.ts'
import type { Experiment } from '../../config/schema.ts'
import type { Manifest } from '../run-description.ts'

/** Runs that differ in nothing but their seed. */
export interface RunGroup<Run> {
  readonly name: string
  /** What tells it apart from the other groups, such as "env H, lr 0.05"; empty for a single group. */
  readonly label: string
  /** What decides their numbers, but for the seed. */
  readonly config: Readonly<Record<string, unknown>>
  /** In the order in which they were given. */
  readonly runs: readonly Run[]
}

/**
 * Groups runs by everything that decides their numbers but the seed, in the order in which they were given.
 * @param nameOf runs of different names never form a group, and a label begins with the name if there are several;
 *   default: all have the same
 */
export function groupRuns<Run>(
  runs: readonly Run[],
  configOf: (run: Run) => Experiment,
  nameOf: (run: Run) => string = () => '',
): RunGroup<Run>[] {
  const groups = new Map<string, Omit<RunGroup<Run>, 'label'> & { runs: Run[] }>()
  for (const run of runs) {
    const config = withoutSeed(configOf(run))
    const name = nameOf(run)
    const key = JSON.stringify([name, config])
    const group = groups.get(key) ?? { name, config, runs: [] }
    group.runs.push(run)
    groups.set(key, group)
  }
  const all = [...groups.values()]
  const names = [...new Set(all.map(({ name }) => name))]
  const several = names.length > 1
  // Only what tells it apart from those of its own name: experiments of different names differ in much.
  const keys = new Map(
    names.map((own) => [own, differingKeys(all.filter(({ name }) => name === own).map(({ config }) => config))]),
  )
  return all.map((group) => {
    const differences = keys.get(group.name)!.map((key) => {
      const value = group.config[key]
      return value === undefined ? `no ${key}` : `${key} ${valueText(value)}`
    })
    return { ...group, label: [...(several ? [group.name] : []), ...differences].join(', ') }
  })
}

/** Keys in which some of the configs differ. */
export function differingKeys(configs: readonly Readonly<Record<string, unknown>>[]): string[] {
  const keys = [...new Set(configs.flatMap((config) => Object.keys(config)))]
  return keys.filter((key) => new Set(configs.map((config) => JSON.stringify(config[key]))).size > 1)
}

/** A value of a config on one line. */
export const valueText = (value: unknown): string =>
  Array.isArray(value) ? value.map(valueText).join('+') : typeof value === 'string' ? value : JSON.stringify(value)

/** A run, and how far it came. */
interface CountedRun {
  readonly manifest: Manifest
  readonly finished: boolean
  /** Complete rounds. */
  readonly rounds: number
}

/**
 * The runs whose last round is the end of their experiment: the last round so far of a run that was cut short is not what
 * the others came to. If none is finished, all.
 */
export function endingRuns<Run extends CountedRun>(runs: readonly Run[]): readonly Run[] {
  const finished = runs.filter((run) => run.finished)
  return finished.length > 0 ? finished : runs
}

/** The runs of a group by their seeds. */
export interface BySeed<Run> {
  /** One for each seed, in their order. */
  readonly runs: readonly Run[]
  /** Those whose seed another run has too: the same numbers again, which would look like agreement. */
  readonly repeats: readonly Run[]
}

/** Takes, of several runs of one seed, the one that came furthest. */
export function onePerSeed<Run extends CountedRun>(all: readonly Run[]): BySeed<Run> {
  const seed = ({ manifest }: Run) => manifest.config.seed
  const sorted = all.toSorted((a, b) => seed(a) - seed(b) || b.rounds - a.rounds)
  const runs = sorted.filter((run, i) => i === 0 || seed(run) !== seed(sorted[i - 1]!))
  return { runs, repeats: sorted.filter((run) => !runs.includes(run)) }
}
