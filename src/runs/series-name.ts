/**
 * A series is what a run has one accuracy of in every round: the local model of an owner, the unified model of a merge
 * rule, the pooled baseline. Its name is that of its column in table.csv: `local_1`, `avg`, `pooled`.
 */
export const localSeries = (owner: number): string => `local_${owner}`

export const POOLED_SERIES = 'pooled'

/** The owner whose local model a series is of; undefined for the other series. */
export function ownerOf(series: string): number | undefined {
  const owner = /^local_(\d+)$/.exec(series)?.[1]
  return owner === undefined ? undefined : Number(owner)
}

export type SeriesKind = 'local' | 'unified' | 'pooled'

export function kindOfSeries(series: string): SeriesKind {
  if (series === POOLED_SERIES) return 'pooled'
  return ownerOf(series) === undefined ? 'unified' : 'local'
}

/** As the head of a column that people read: local 1, avg. */
export function seriesTitle(series: string): string {
  const owner = ownerOf(series)
  return owner === undefined ? series : `local ${owner}`
}

/** Where it is said otherwise that the model is a local one: owner 1, avg. */
export function modelName(series: string): string {
  const owner = ownerOf(series)
  return owner === undefined ? series : `owner ${owner}`
}
