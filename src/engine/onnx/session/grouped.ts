import type { Weights } from '../../../weights/weights.ts'
import type { Evaluation } from '../../engine.ts'

/** Images of a task, at the most if it has several test sets: enough that handing it over costs little beside them. */
const IMAGES = 64

interface Asked {
  readonly indices: Uint32Array
  resolve(evaluation: Evaluation): void
  reject(error: unknown): void
}

/** Evaluates a model on each of several test sets. */
type EvaluateAll = (weights: Weights, sets: readonly Uint32Array[]) => Promise<readonly Evaluation[]>

/** Small test sets that are asked for at the same time, of one model, as one task: of thousands of owners, each has few images. */
export class Grouped {
  readonly #evaluate: EvaluateAll
  readonly #asked = new Map<Weights, Asked[]>()

  constructor(evaluate: EvaluateAll) {
    this.#evaluate = evaluate
  }

  evaluate(weights: Weights, indices: Uint32Array): Promise<Evaluation> {
    return new Promise((resolve, reject) => {
      if (this.#asked.size === 0) setImmediate(() => this.#begin())
      const asked = this.#asked.get(weights) ?? []
      this.#asked.set(weights, asked)
      asked.push({ indices, resolve, reject })
    })
  }

  #begin(): void {
    const all = [...this.#asked]
    this.#asked.clear()
    for (const [weights, asked] of all) {
      let group: Asked[] = []
      let images = 0
      for (const one of asked) {
        if (group.length > 0 && images + one.indices.length > IMAGES) {
          void this.#run(weights, group)
          ;[group, images] = [[], 0]
        }
        group.push(one)
        images += one.indices.length
      }
      void this.#run(weights, group)
    }
  }

  async #run(weights: Weights, group: readonly Asked[]): Promise<void> {
    try {
      const sets = group.map(({ indices }) => indices)
      for (const [i, evaluation] of (await this.#evaluate(weights, sets)).entries()) group[i]!.resolve(evaluation)
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }
}
