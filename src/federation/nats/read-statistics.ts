import type { HeadStatistics } from '../../engine/head-statistics.ts'
import { FedunifyError } from '../../errors.ts'
import { parameterCount } from '../../model/model.ts'
import { firstNonFinite } from '../../weights/weights.ts'
import { statisticsOf, statisticsShapes } from '../head-tensors.ts'
import { NOT_MERGED } from './owner-answers.ts'
import { MOST_HEADER, misfit, readTensors } from './read-tensors.ts'
import type { ReplyOf } from './wire.ts'

/** What an owner's sums must be. */
export interface StatisticsBounds {
  readonly sizes: Pick<HeadStatistics, 'size' | 'classes'>
  /** What it has said of its shard. */
  readonly trainImages: number
  /** The same by class; undefined if it does not share them. */
  readonly trainLabels: readonly number[] | undefined
}

export const mostOfStatistics = (sizes: StatisticsBounds['sizes']): number =>
  4 * parameterCount({ parameters: statisticsShapes(sizes) }) + MOST_HEADER

/**
 * The sums that an owner's reply and payload make, checked.
 * @param name of the owner, for errors
 * @throws FedunifyError (training) that says what does not fit
 */
export function readStatistics(
  { owner, round, images }: ReplyOf<'statistics'>,
  bytes: Uint8Array,
  name: string,
  { sizes, trainImages, trainLabels }: StatisticsBounds,
): HeadStatistics {
  const refuse = (what: string) =>
    new FedunifyError('E_UPDATE', `the file of sums of owner ${name} in round ${round} ${what}`, NOT_MERGED, {
      owner,
      round,
    })
  const tensors = readTensors(bytes, refuse)
  const fault = misfit(tensors, statisticsShapes(sizes), 'the head')
  if (fault) throw refuse(fault.what)
  const bad = firstNonFinite(tensors)
  if (bad) throw refuse(`holds ${bad.value} in ${bad.tensor}`)
  const sums = statisticsOf(tensors, images)
  if (images !== trainImages) {
    throw refuse(`is of ${images} images, but the owner has said that it has ${trainImages}`)
  }
  const counted = sums.gram.at(-1)!
  if (counted !== Math.fround(images)) throw refuse(`counts ${counted} images in gram, and says ${images}`)
  const labels = [...sums.cross.subarray(-sizes.classes)]
  const odd = labels.some((count) => !(Number.isInteger(count) && count >= 0))
  const other = trainLabels?.some((count, label) => labels[label] !== Math.fround(count))
  // Counts of more than 16 million images are rounded.
  if (odd || other || labels.reduce((sum, count) => sum + count, 0) > images * 1.000001) {
    throw refuse('counts other images of each class than the owner has')
  }
  return sums
}
