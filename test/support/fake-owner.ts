import type { Evaluation, Trained } from '../../src/engine/engine.ts'
import type { Owner } from '../../src/federation/local/owner.ts'
import type { Weights } from '../../src/weights/weights.ts'

/** Weights of one tensor `w`. */
export const weightsOf = (...values: number[]): Weights =>
  new Map([['w', { shape: [values.length], data: Float32Array.from(values) }]])

export const valuesOf = (weights: Weights): number[] => [...weights.get('w')!.data]

/** `correct` of `images`, a loss of `images - correct`, and two classes: right ones are label 0. */
export const evaluation = (correct: number, images: number): Evaluation => ({
  images,
  correct,
  lossSum: images - correct,
  confusion: Uint32Array.of(correct, images - correct, 0, 0),
})

export interface FakeOwner {
  readonly trainImages?: number
  /** Milliseconds that training takes. */
  readonly delay?: number
  /** The weights that training makes of those it starts from. */
  readonly learn?: (values: number[], round: number) => number[]
  /** Images of 100 that a model with these weights gets right. */
  readonly score?: (values: number[]) => number
}

/** What an owner was asked to do, in order. */
export interface Call {
  readonly owner: number
  readonly what: 'train' | 'evaluate'
  readonly values: number[]
  readonly round?: number
  readonly lr?: number
}

/** An owner without data or engine: weights in, weights out; `calls` keeps what it was asked. */
export function fakeOwner(owner: number, fake: FakeOwner = {}, calls: Call[] = []): Owner {
  const { trainImages = 10, delay = 0, learn = (values) => values.map((v) => v + owner), score = () => 50 } = fake
  return {
    owner,
    trainImages,
    async train(start, { round, lr }, report): Promise<Trained> {
      const values = valuesOf(start)
      calls.push({ owner, what: 'train', values, round, lr })
      report({ epoch: 1, epochs: 1, images: trainImages, total: trainImages, loss: 1 })
      await new Promise((resolve) => setTimeout(resolve, delay))
      const learned = learn(values, round)
      const local = evaluation(score(learned), 100)
      return { weights: weightsOf(...learned), epochs: 1, images: trainImages, loss: 1, local, seconds: 0 }
    },
    async evaluate(weights) {
      const values = valuesOf(weights)
      calls.push({ owner, what: 'evaluate', values })
      return evaluation(score(values), 100)
    },
  }
}
