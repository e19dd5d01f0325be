import type { Evaluation, Progress } from '../../engine/engine.ts'
import type { Update } from '../../federation/cohort.ts'
import type { Share } from './policy.ts'

/** The same, but what an owner may keep to itself can be undefined. */
type Withheld<T, Key extends keyof T> = Omit<T, Key> & { readonly [K in Key]: T[K] | undefined }

/** An update as it leaves an owner. */
export type SharedUpdate = Withheld<Update, 'loss' | 'local' | 'received'>

/** Progress as it leaves an owner. */
export type SharedProgress<P extends Progress = Progress> = Withheld<P, 'loss'>

/** An update with nothing in it that tells how good a model is. Named one by one: a new field does not slip out. */
export function withoutMetrics({
  type,
  owner,
  trainImages,
  sent,
  weights,
  epochs,
  images,
  seconds,
}: Update): SharedUpdate {
  const none = { loss: undefined, local: undefined, received: undefined }
  return { type, owner, trainImages, sent, weights, epochs, images, seconds, ...none }
}

/**
 * An evaluation with no image in its confusion matrix, whose rows would add up to the images of each class. Added to
 * those of other owners it leaves theirs as they are.
 */
export const withoutLabels = ({ images, correct, lossSum, confusion }: Evaluation): Evaluation => ({
  images,
  correct,
  lossSum,
  confusion: new Uint32Array(confusion.length),
})

/** An evaluation as a policy lets it leave; undefined if it does not. */
export function sharedEvaluation({ metrics, labels }: Share, evaluation: Evaluation): Evaluation | undefined {
  if (!metrics) return undefined
  return labels ? evaluation : withoutLabels(evaluation)
}

/** An update as a policy lets it leave. */
export function sharedUpdate(share: Share, update: Update): SharedUpdate {
  if (!share.metrics) return withoutMetrics(update)
  const { local, received } = update
  return {
    ...update,
    local: sharedEvaluation(share, local),
    received: received && sharedEvaluation(share, received),
  }
}

/** Progress as a policy lets it leave: its loss is one of training. */
export const sharedProgress = <P extends Progress>({ metrics }: Share, progress: P): SharedProgress<P> =>
  metrics ? progress : { ...progress, loss: undefined }
