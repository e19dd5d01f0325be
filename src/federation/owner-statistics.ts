import { type AskedStatistic, statisticName } from '../algorithm/merge/rule.ts'
import type { Learner } from '../engine/engine.ts'
import { FedunifyError } from '../errors.ts'
import { range, shuffle, stream } from '../random.ts'
import type { NamedWeights } from '../weights/named.ts'
import { firstNonFinite, type Weights } from '../weights/weights.ts'

/** What merge rules ask of owners beside their weights, and the seed by which images are drawn for it. */
export interface Asked {
  readonly asks: readonly AskedStatistic[]
  readonly seed: number
}

/** Whose images are looked at, and when. */
interface Where {
  readonly owner: number
  /** Who that is, for messages. */
  readonly name: string
  readonly round: number
  /** Indices of its training images in the dataset. */
  readonly train: Uint32Array
}

/**
 * The statistics of an owner's local model that were asked for, each by its name.
 * @throws FedunifyError (training) naming owner, round and tensor if a value of one is not finite
 */
export async function measureAll(
  learner: Learner,
  weights: Weights,
  { asks, seed }: Asked,
  { owner, name, round, train }: Where,
): Promise<NamedWeights> {
  // Those of a smaller statistic are among those of a larger one.
  const order = shuffle(range(train.length), stream(seed, 'statistics', owner, round)).map((i) => train[i]!)
  const measured: Record<string, Weights> = {}
  for (const asked of asks) {
    const one = await learner.measure(weights, order.slice(0, asked.images), asked.statistic)
    const bad = firstNonFinite(one)
    if (bad) {
      const message = `${name}, round ${round}: ${asked.statistic} of ${bad.tensor} became ${bad.value}`
      throw new FedunifyError('E_DIVERGED', message, 'lower the lr', { owner, round, tensor: bad.tensor })
    }
    measured[statisticName(asked)] = one
  }
  return measured
}
