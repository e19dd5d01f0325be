import type { Weights } from './weights.ts'

type Values = Float32Array | Float64Array

/**
 * Memory of a run's merges that nobody reads any more, for the next ones: to get new memory from the system takes
 * longer than to merge two models. What is taken belongs to its taker until it is released.
 */
export class WeightPool {
  readonly #free: Values[] = []

  /** Memory for so many values in single precision, with anything in it. */
  floats(length: number): Float32Array {
    return this.#take(Float32Array, length)
  }

  /** Memory for so many values in double precision, with anything in it. */
  doubles(length: number): Float64Array {
    return this.#take(Float64Array, length)
  }

  release(values: Values): void {
    this.#free.push(values)
  }

  /** Releases the memory of a whole model. */
  releaseAll(weights: Weights): void {
    for (const { data } of weights.values()) this.release(data)
  }

  #take<V extends Values>(kind: new (length: number) => V, length: number): V {
    const at = this.#free.findIndex((values) => values instanceof kind && values.length === length)
    return at < 0 ? new kind(length) : (this.#free.splice(at, 1)[0] as V)
  }
}
