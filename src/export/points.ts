import { withoutSeed } from '../config/hash.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { differingKeys, valueText } from '../runs/read/run-groups.ts'

/** One figure of a run. */
export interface Point {
  readonly round: number
  /** The merge rule whose unified model it is of, or `pooled`; null for a figure of an owner. */
  readonly merge: string | null
  /** The owner that it is of; null for a figure of a unified model. */
  readonly owner: number | null
  /** A name of METRICS. */
  readonly metric: Metric
  /** In the unit of METRICS. */
  readonly value: number
}

/** What the figures are, each in one unit everywhere: fractions of 1, nats, counts, bytes. */
export const METRICS = {
  accuracy: 'of the unified model on all test images: a fraction of 1',
  loss: 'of the unified model on all test images: mean cross-entropy in nats',
  owners: 'that took part in the round: a count',
  local_accuracy: "of an owner's local model on its own test images: a fraction of 1",
  copied_accuracy: 'of the model that an owner received, on its own test images: a fraction of 1',
  train_loss: "of an owner's training: mean cross-entropy in nats",
  train_images: "in an owner's shard: a count",
  epochs: 'that an owner trained in the round: a count',
  down_bytes: 'of models and instructions down to an owner: bytes',
  up_bytes: "of an owner's update: bytes",
} as const

export type Metric = keyof typeof METRICS

/** A run and its figures. */
export interface ExportedRun {
  /** The end of its path, as much of it as tells it apart. */
  readonly id: string
  readonly name: string
  readonly seed: number
  /** The keys of the experiment in which the runs differ, seeds aside, with this run's values as text. */
  readonly varying: Readonly<Record<string, string>>
  readonly run: LoadedRun
  /** By round; of a round the unified models first, then the owners. */
  readonly points: readonly Point[]
}

/** Runs as they are exported, in the order in which they were given. */
export function exportedRuns(runs: readonly LoadedRun[]): ExportedRun[] {
  const configs = runs.map(({ manifest }) => withoutSeed(manifest.config))
  const keys = differingKeys(configs)
  const ids = runIds(runs.map(({ path }) => path))
  return runs.map((run, i) => {
    const { name, seed } = run.manifest.config
    const varying = Object.fromEntries(
      keys.map((key) => [key, configs[i]![key] === undefined ? '' : valueText(configs[i]![key])]),
    )
    return { id: ids[i]!, name, seed, varying, run, points: pointsOf(run) }
  })
}

const ownerMetrics = ['local_accuracy', 'copied_accuracy', 'train_loss', 'train_images', 'epochs'] as const
const unifiedMetrics = ['accuracy', 'loss', 'owners'] as const
const trafficMetrics = ['down_bytes', 'up_bytes'] as const

function pointsOf({ unified, local, traffic = [] }: LoadedRun): Point[] {
  const points = [
    ...unified.flatMap((row) => pick(row, unifiedMetrics, { merge: row.merge, owner: null })),
    ...local.flatMap((row) => pick(row, ownerMetrics, { merge: null, owner: row.owner })),
    ...traffic.flatMap((row) => pick(row, trafficMetrics, { merge: null, owner: row.owner })),
  ]
  return points.sort((a, b) => a.round - b.round)
}

/** The figures of a row; one that an owner keeps to itself is no figure. */
function pick<M extends Metric>(
  row: { readonly round: number } & Partial<Record<M, number | undefined>>,
  metrics: readonly M[],
  of: Pick<Point, 'merge' | 'owner'>,
): Point[] {
  return metrics.flatMap((metric) => {
    const value = row[metric]
    return value === undefined ? [] : [{ round: row.round, ...of, metric, value }]
  })
}

/** The ends of paths, as many of their parts as tell them apart. */
export function runIds(paths: readonly string[]): string[] {
  const parts = paths.map((path) => path.split(/[\\/]/).filter((part) => part !== '' && part !== '.'))
  const most = Math.max(1, ...parts.map(({ length }) => length))
  for (let kept = 1; ; kept++) {
    const ids = parts.map((all) => all.slice(-kept).join('/'))
    if (new Set(ids).size === ids.length || kept >= most) return ids
  }
}

/** The series of a point, for tools that know no columns: `accuracy/avg`, `local_accuracy/owner_1`. */
export const tagOf = ({ metric, merge, owner }: Point): string => `${metric}/${merge ?? `owner_${owner}`}`
