import type { State } from '../../src/algorithm/algorithm.ts'
import type { Evaluation } from '../../src/engine/engine.ts'
import type { Owner } from '../../src/federation/owner.ts'
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
  /** Values of the weights that it begins with, if it receives none. */
  readonly own?: readonly number[]
  /** What it sends with its weights. */
  readonly sent?: (instruction: State, round: number) => State
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
  const evaluate = async (weights: Weights) => {
    const values = valuesOf(weights)
    calls.push({ owner, what: 'evaluate', values })
    return evaluation(score(values), 100)
  }
  return {
    card: { owner, trainImages, testImages: 100 },
    async train(model, { round, lr, evaluate: evaluateLocal, evaluateReceived, instruction }, report) {
      const start = model ?? weightsOf(...fake.own!)
      const values = valuesOf(start)
      calls.push({ owner, what: 'train', values, round, lr })
      report({ epoch: 1, epochs: 1, images: trainImages, total: trainImages, loss: 1 })
      await new Promise((resolve) => setTimeout(resolve, delay))
      const learned = learn(values, round)
      return {
        type: 'update',
        owner,
        trainImages,
        weights: weightsOf(...learned),
        sent: fake.sent?.(instruction, round) ?? {},
        epochs: 1,
        images: trainImages,
        loss: 1,
        local: evaluateLocal ? evaluation(score(learned), 100) : undefined,
        received: evaluateReceived ? await this.evaluate(start) : undefined,
        seconds: 0,
      }
    },
    evaluate,
    state: () => ({}),
    restore() {},
  }
}
