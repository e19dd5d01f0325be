import type { WireEvaluation } from './wire.ts'

/** What the server knows of an owner's evaluations. */
interface Known {
  readonly classes: number
  /** Undefined if it shares no metrics, and so sends no evaluation. */
  readonly testImages: number | undefined
  /** Whether it shares how many images it has of each class. */
  readonly labels: boolean
}

/**
 * What is wrong with the counts of an evaluation, if they cannot be those of so many images; undefined if they can.
 * They go into tables and decide when a run stops.
 */
export function miscounted(
  { images, correct, loss_sum, confusion }: WireEvaluation,
  { classes, testImages, labels }: Known,
): string | undefined {
  const cells = classes ** 2
  if (confusion.length !== cells) return `has a confusion matrix of ${confusion.length} counts, expected ${cells}`
  if (images !== testImages)
    return `is scored on ${images} test images, but the owner has said that it has ${testImages}`
  const sum = confusion.reduce((n, one) => n + one, 0)
  if (loss_sum < 0) return `has a loss of ${loss_sum}`
  if (correct > images) return `counts ${correct} images as right, of ${images}`
  // An owner that keeps its label counts to itself sends no counts by class.
  if (!labels && sum === 0) return undefined
  if (sum !== images) return `has a confusion matrix of ${sum} images, expected ${images}`
  const right = confusion.reduce((n, one, i) => (i % (classes + 1) === 0 ? n + one : n), 0)
  if (right !== correct) return `counts ${correct} images as right, its confusion matrix ${right}`
  return undefined
}
