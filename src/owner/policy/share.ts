import type { Progress } from '../../engine/engine.ts'
import type { WireEvaluation, WireMetrics } from '../../federation/nats/wire.ts'
import type { Policy } from './policy.ts'

/** What decides on what an owner tells with its weights. */
export type Share = Pick<Policy['share'], 'metrics' | 'labels'>

/**
 * An evaluation with no image in its confusion matrix, whose rows would add up to the images of each class. Added to
 * those of other owners it leaves theirs as they are.
 */
const withoutLabels = (evaluation: WireEvaluation): WireEvaluation => ({
  ...evaluation,
  confusion: evaluation.confusion.map(() => 0),
})

/** An evaluation as a policy lets it leave; null if it does not. */
export function sharedEvaluation({ metrics, labels }: Share, evaluation: WireEvaluation): WireEvaluation | null {
  if (!metrics) return null
  return labels ? evaluation : withoutLabels(evaluation)
}

/** An update's metrics as a policy lets them leave; null if it does not. */
export function sharedMetrics(share: Share, { loss, local, received }: WireMetrics): WireMetrics | null {
  if (!share.metrics) return null
  const shared = (evaluation: WireEvaluation | null) => evaluation && sharedEvaluation(share, evaluation)
  return { loss, local: shared(local), received: shared(received) }
}

/** Progress as a policy lets it leave: its loss is one of training. */
export const sharedProgress = ({ metrics }: Share, { epoch, epochs, images, total, loss }: Progress) => ({
  epoch,
  epochs,
  images,
  total,
  loss: metrics ? loss : null,
})
