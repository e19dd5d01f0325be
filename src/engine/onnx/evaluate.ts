import { type InferenceSession, Tensor } from 'onnxruntime-node'
import type { Dataset } from '../../data/dataset.ts'
import type { Model } from '../../model/model.ts'
import type { Evaluation } from '../engine.ts'
import { gather } from './gather.ts'

/** Images for each call: the activations of more no longer fit the cache. */
const BATCH = 100

/** Counts of a model, as a session of its inference graph, on the images at `indices`. */
export async function evaluate(
  session: InferenceSession,
  model: Model,
  dataset: Dataset,
  indices: Uint32Array,
): Promise<Evaluation> {
  const confusion = new Uint32Array(model.classes ** 2)
  let correct = 0
  let lossSum = 0
  for (let from = 0; from < indices.length; from += BATCH) {
    const { images, labels } = gather(dataset, indices.subarray(from, from + BATCH))
    const { logits } = await session.run({ images: new Tensor('uint8', images, [labels.length, ...model.input]) })
    const values = logits!.data as Float32Array
    for (const [i, label] of labels.entries()) {
      const row = values.subarray(i * model.classes, (i + 1) * model.classes)
      const { predicted, loss } = score(row, label)
      confusion[label * model.classes + predicted]! += 1
      if (predicted === label) correct += 1
      lossSum += loss
    }
  }
  return { images: indices.length, correct, lossSum, confusion }
}

/** The first of the largest logits, and the cross-entropy of the true label in nats. */
function score(logits: Float32Array, label: number): { predicted: number; loss: number } {
  let predicted = 0
  for (let c = 1; c < logits.length; c++) if (logits[c]! > logits[predicted]!) predicted = c
  const largest = logits[predicted]!
  const sum = logits.reduce((total, value) => total + Math.exp(value - largest), 0)
  return { predicted, loss: Math.log(sum) + largest - logits[label]! }
}
