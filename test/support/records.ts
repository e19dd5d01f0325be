import type { LearnerJob } from '../../src/engine/engine.ts'
import { openSessions, type Target } from '../../src/engine/onnx/session/job-sessions.ts'
import { openRecordTrainer } from '../../src/engine/onnx/session/record-trainer.ts'
import type { RecordTrainer } from '../../src/engine/training/train-records.ts'
import { initialWeights } from '../../src/model/init.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel, type Model, sizeOf } from '../../src/model/model.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { job } from './learner.ts'
import { noise, norm } from './numbers.ts'
import { openStep } from './one-step.ts'

/** A model with random images of its shape, and weights to take gradients at. */
export interface Images extends Pick<LearnerJob, 'model' | 'dataset'> {
  readonly start: Weights
}

export function someImages(layers: readonly Layer[], input: Model['input'], count = 40): Images {
  const classes = 10
  const model = buildModel(layers, input, classes)
  const grain = noise(count * sizeOf(input), 5)
  const { dataset } = job()
  const random = { ...dataset, shape: input, images: shared(grain.map((v) => 127 * (v + 1))), count, classes }
  const labels = shared(Array.from({ length: count }, (_, i) => (7 * i) % classes))
  return { model, dataset: { ...random, labels }, start: initialWeights(model, 7) }
}

const shared = (values: ArrayLike<number>) => {
  const bytes = new Uint8Array(new SharedArrayBuffer(values.length))
  bytes.set(values)
  return bytes
}

/** A trainer of the onnx engine that tells images apart, on this thread. */
export const openRecords = (
  { model, dataset, start }: Images,
  clip: number,
  target: Partial<Target> = {},
  given: Partial<LearnerJob> & { lr?: number } = {},
): Promise<RecordTrainer> => {
  const setup = job({ model, dataset, ...given })
  return openRecordTrainer(
    openSessions({ device: 'cpu', ...target }, setup),
    setup,
    start,
    { lr: given.lr ?? 1, clip },
    () => {},
  )
}

/** Gradients of single images by the graph of a plain training step, their norms and losses; in double precision. */
export async function singleGradients({ model, dataset, start }: Images, indices: Iterable<number>) {
  const { mean, std } = job().normalise
  const step = await openStep(model)
  const pixels = sizeOf(model.input)
  const singles: { norm: number; loss: number; gradient: ReadonlyMap<string, Float64Array> }[] = []
  for (const index of indices) {
    const image = dataset.images.subarray(index * pixels, (index + 1) * pixels)
    const x = Float32Array.from(image, (value) => (value / 255 - mean) / std)
    const { loss, gradients } = await step(x, [dataset.labels[index]!], start)
    const gradient = new Map([...gradients].map(([name, values]) => [name, Float64Array.from(values)]))
    singles.push({ norm: Math.hypot(...[...gradient.values()].map(norm)), loss, gradient })
  }
  return singles
}

/** Σ g min(1, clip / ‖g‖), as plainly as it is written. */
export function clippedInPlainCode(singles: Awaited<ReturnType<typeof singleGradients>>, clip: number) {
  const sums = new Map(Array.from(singles[0]!.gradient, ([name, { length }]) => [name, new Float64Array(length)]))
  for (const { norm, gradient } of singles) {
    const factor = norm === 0 ? 0 : Math.min(1, clip / norm)
    for (const [name, values] of gradient) for (const [i, g] of values.entries()) sums.get(name)![i]! += factor * g
  }
  return sums
}
