import type { Evaluation, TrainingSetup } from '../engine.ts'
import { chunks } from './chunks.ts'
import { gather } from './gather.ts'

/** Images of a batch: the activations of more no longer fit the cache. */
const BATCH = 32

/** Logits float32 [steps * batch, classes] of images uint8 [steps, batch, pixels]. */
export type Classify = (images: Uint8Array, batch: number, steps: number) => Promise<Float32Array>

/**
 * Counts of what `classify` makes of the images at `indices`.
 * @param most images for each call; if they are more than a batch, in several steps
 */
export async function evaluateWith(
  classify: Classify,
  { model, dataset }: TrainingSetup,
  indices: Uint32Array,
  most = BATCH,
): Promise<Evaluation> {
  const { classes } = model
  const confusion = new Uint32Array(classes ** 2)
  let correct = 0
  let lossSum = 0
  for (const chunk of chunks(indices, BATCH, most)) {
    const { images, labels } = gather(dataset, chunk.indices)
    const logits = await classify(images, chunk.batch, chunk.steps)
    for (const [i, label] of labels.entries()) {
      const { predicted, loss } = score(logits, i * classes, classes, label)
      confusion[label * classes + predicted]! += 1
      if (predicted === label) correct += 1
      lossSum += loss
    }
  }
  return { images: indices.length, correct, lossSum, confusion }
}

/** The first of the largest of the logits from `from` on, and the cross-entropy of the true label in nats. */
function score(logits: Float32Array, from: number, classes: number, label: number) {
  let predicted = 0
  for (let c = 1; c < classes; c++) if (logits[from + c]! > logits[from + predicted]!) predicted = c
  const largest = logits[from + predicted]!
  let sum = 0
  for (let c = 0; c < classes; c++) sum += Math.exp(logits[from + c]! - largest)
  return { predicted, loss: Math.log(sum) + largest - logits[from + label]! }
}
