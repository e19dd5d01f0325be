import { randomFor } from '../../privacy/randomness.ts'
import { noisyMean, poissonSample, type RecordNoise, sampledSteps } from '../../privacy/record/mechanism.ts'
import { firstNonFinite, type Weights } from '../../weights/weights.ts'
import type { Trained, TrainPlan } from '../engine.ts'
import type { Diverged } from './failure.ts'
import type { Callbacks } from './train.ts'

/** What a norm is taken for if it is less, so that an image without a gradient adds nothing. */
export const LEAST_NORM = 1e-20

/** The part of a training with hidden images that is the engine's own. */
export interface RecordTrainer {
  /**
   * The sum over the images at `indices` of their gradients, each clipped, and that of their losses, at the weights as
   * they are now; zeros if there are none.
   */
  clippedSum(indices: Uint32Array): Promise<{ readonly sum: Weights; readonly loss: number }>
  /** Update `number`, from 1, by a gradient. What else is added to gradients is added to it. */
  step(gradient: Weights, number: number): Promise<void>
  weights(): Promise<Weights>
}

/**
 * Trains by DP-SGD (Abadi et al. 2016, arXiv:1607.00133, algorithm 1): in each step a Poisson sample of the images, the
 * sum of their clipped gradients with noise, over the images that are expected. All that the optimizer sees of the images
 * is that. Sizes of samples are secret, so what is reported goes by what is expected; losses have no noise.
 */
export async function trainRecords(
  trainer: RecordTrainer,
  plan: TrainPlan & { readonly record: RecordNoise },
  { evaluate, report, check }: Callbacks,
): Promise<Trained | { diverged: Diverged }> {
  const { train, batch, epochs, record, owner, round } = plan
  const { rate, steps } = sampledSteps(train.length, batch)
  const expected = rate * train.length
  const samples = randomFor(record.testSeed, 'samples', owner, round)
  const noise = randomFor(record.testSeed, 'record noise', owner, round)
  const total = train.length * epochs
  let loss = 0
  let number = 0
  const began = performance.now()
  for (let epoch = 1; epoch <= epochs; epoch++) {
    let [lossSum, seen] = [0, 0]
    for (let step = 1; step <= steps; step++) {
      check()
      const sample = poissonSample(train, rate, samples)
      const clipped = await trainer.clippedSum(sample)
      number += 1
      const bad = Number.isFinite(clipped.loss) ? firstNonFinite(clipped.sum) : { tensor: 'loss', value: clipped.loss }
      if (bad) return { diverged: { ...(firstNonFinite(await trainer.weights()) ?? bad), step: number } }
      await trainer.step(noisyMean(clipped.sum, record, expected, noise), number)
      lossSum += clipped.loss
      seen += sample.length
      const images = Math.min(total, Math.round((epoch - 1) * train.length + (step / steps) * train.length))
      report({ epoch, epochs, images, total, loss: clipped.loss / Math.max(1, sample.length) })
    }
    loss = lossSum / Math.max(1, seen)
  }
  const seconds = (performance.now() - began) / 1000
  const weights = await trainer.weights()
  const bad = firstNonFinite(weights)
  if (bad) return { diverged: { ...bad, step: number } }
  const local = plan.evaluate ? await evaluate(weights) : undefined
  return { weights, epochs, images: total, loss, local, seconds }
}
