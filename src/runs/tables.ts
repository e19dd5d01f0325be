import type { Experiment } from '../config/schema.ts'
import { accuracy, type Evaluation, meanLoss } from '../engine/engine.ts'
import type { RoundFinished, Started } from '../federation/events.ts'
import { percent } from '../format.ts'
import { localSeries, POOLED_SERIES } from './series-name.ts'

type Row = (string | number | undefined)[]

/** A CSV that grows with the rounds: its columns, and the rows that a round adds. */
export interface Table {
  readonly file: string
  columns(started: Started): string[]
  rows(round: RoundFinished, started: Started): Row[]
}

export const LOCAL_COLUMNS = [
  'round',
  'owner',
  'epochs',
  'train_images',
  'train_loss',
  'local_accuracy',
  'copied_accuracy',
] as const
export const TRAFFIC_COLUMNS = ['round', 'owner', 'down_bytes', 'up_bytes'] as const
export const UNIFIED_COLUMNS = ['round', 'merge', 'owners', 'accuracy', 'loss'] as const
const EVALUATED_BY = 'evaluated_by'

/** A cell of an evaluation, empty if nobody has told it: an owner may keep its metrics to itself. */
const cellOf = (evaluation: Evaluation | undefined, text: (known: Evaluation) => string | number): string | number =>
  evaluation ? text(evaluation) : ''

/** One row for each owner and round; accuracies are fractions. */
export const localTable: Table = {
  file: 'local.csv',
  columns: () => [...LOCAL_COLUMNS],
  rows: ({ round, locals }) =>
    locals.map(({ owner, epochs, trainImages, loss = '', local, copied }) => {
      return [round, owner, epochs, trainImages, loss, cellOf(local, accuracy), cellOf(copied, accuracy)]
    }),
}

/**
 * One row for each merge rule and round, and for the pooled baseline; `owners` is the number of participants. If an owner
 * shares no metrics, a last column says on how many owners' test sets the model was evaluated.
 */
export const unifiedTable: Table = {
  file: 'unified.csv',
  columns: ({ withoutMetrics }) => [...UNIFIED_COLUMNS, ...(withoutMetrics ? [EVALUATED_BY] : [])],
  rows: ({ round, locals, merges, baseline }, { withoutMetrics }) => {
    const row = (name: string, e: Evaluation | undefined) => {
      return [round, name, locals.length, cellOf(e, accuracy), cellOf(e, meanLoss)]
    }
    const rows = merges.map(({ merge, unified, evaluatedBy }) => {
      return [...row(merge, unified), ...(withoutMetrics ? [evaluatedBy] : [])]
    })
    return baseline ? [...rows, row(POOLED_SERIES, baseline.local)] : rows
  },
}

/** Shaped as the paper's Tables 3 and 4, in percent; the paper's "epoch" is our round. */
export const paperTable: Table = {
  file: 'table.csv',
  columns: ({ owners, merges, baseline }) => [
    'epoch',
    ...owners.map(localSeries),
    ...merges,
    ...(baseline ? [POOLED_SERIES] : []),
  ],
  rows: ({ round, locals, merges, baseline }, { owners }) => [
    [
      round,
      ...byOwner(locals, owners),
      ...merges.map(({ unified }) => cellOf(unified, asPercent)),
      ...(baseline ? [cellOf(baseline.local, asPercent)] : []),
    ],
  ],
}

const asPercent = (evaluation: Evaluation): string => percent(accuracy(evaluation))

/** A cell for each owner, undefined and so empty if it did not train in this round or shares no metrics. */
function byOwner(locals: RoundFinished['locals'], owners: Started['owners']): Row {
  const cells = new Map(locals.map(({ owner, local }) => [owner, cellOf(local, asPercent)]))
  return owners.map((owner) => cells.get(owner))
}

/** One row for each owner and round, in bytes. */
export const trafficTable: Table = {
  file: 'traffic.csv',
  columns: () => [...TRAFFIC_COLUMNS],
  rows: ({ round, traffic }) => traffic.map(({ owner, down, up }) => [round, owner, down, up]),
}

export const ARRIVAL_COLUMNS = ['round', 'arrival', 'owner', 'trained_from', 'time'] as const

/** One row for each arrival of a run without waiting, in their order: all that it takes to repeat it. */
export const arrivalsTable: Table = {
  file: 'arrivals.csv',
  columns: () => [...ARRIVAL_COLUMNS],
  rows: ({ round, arrivals = [] }) =>
    arrivals.map(({ owner, time, staleness }, i) => {
      return [round, (round - 1) * arrivals.length + i + 1, owner, round - 1 - staleness, time]
    }),
}

export const PRIVACY_COLUMNS = ['round', 'level', 'noise', 'clip', 'epsilon', 'delta'] as const

/** One row for each round of a run with noise: what it has cost so far; epsilon is empty if the noise is 0. */
export const privacyTable: Table = {
  file: 'privacy.csv',
  columns: () => [...PRIVACY_COLUMNS],
  rows: ({ round, privacy }) =>
    privacy ? [[round, privacy.level, privacy.noise, privacy.clip, privacy.epsilon ?? '', privacy.delta]] : [],
}

/** Those of every run; the last one came with 0.5.0. */
const COMMON_TABLES = [localTable, unifiedTable, paperTable, trafficTable]

/** All that a run may have. */
export const TABLES = [...COMMON_TABLES, arrivalsTable, privacyTable]

/** What decides which tables a run has. */
export type Tabled = Pick<Experiment, 'pace' | 'privacy'>

/** All of a run. */
export const tablesOf = ({ pace, privacy }: Tabled): readonly Table[] => [
  ...COMMON_TABLES,
  ...(pace ? [arrivalsTable] : []),
  ...(privacy?.level ? [privacyTable] : []),
]

/** The unified model of the last round. */
export const MODELS = ['model.safetensors', 'model.onnx'] as const

/** The same with the last layer that was fitted to it, if one was. */
export const HEAD_MODELS = ['model-head.safetensors', 'model-head.onnx'] as const

/** What left the owners, one JSON object a line (disclosure.ts). */
export const DISCLOSURE = 'disclosure.jsonl'

/** The file of a run's events, one JSON object a line. */
export const EVENTS = 'events.jsonl'
