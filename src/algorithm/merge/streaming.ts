import type { WeightPool } from '../../weights/pool.ts'
import { BLOCK, type Workspace } from '../../weights/simd/kernels.ts'
import type { Weights } from '../../weights/weights.ts'
import { GROUP, type Streaming } from './accelerated.ts'
import { assertAlike, type Merge, noOwners } from './merge.ts'
import type { OwnerWeights } from './rule.ts'

type Values = Float32Array | Float64Array

/**
 * A merge by the accelerated form of its rule. Owners wait until there is a group of them, and until there is one more:
 * what comes of the last ones need not be held, but is the result.
 */
export class StreamingMerge implements Merge {
  readonly #rule: Streaming
  readonly #workspace: Workspace
  readonly #pool: WeightPool
  #waiting: OwnerWeights[] = []
  #total = 0
  /** What is held of each tensor; of none before the first group is folded in. */
  readonly #held = new Map<string, Values>()

  constructor(rule: Streaming, workspace: Workspace, pool: WeightPool) {
    this.#rule = rule
    this.#workspace = workspace
    this.#pool = pool
  }

  add(owner: OwnerWeights): void {
    assertAlike(this.#waiting[0] ?? owner, owner)
    if (this.#waiting.length === GROUP) {
      for (const [name, { data }] of this.#waiting[0]!.weights) {
        const held = this.#held.get(name)
        const to = held ?? this.#pool[this.#rule.holds](data.length)
        this.#fold(name, held, to, undefined)
        this.#held.set(name, to)
      }
      this.#waiting = []
    }
    this.#waiting.push(owner)
    this.#total += this.#rule.factor(owner)
  }

  finish(): Weights {
    const [first] = this.#waiting
    if (!first) throw noOwners()
    const merged = [...first.weights].map(([name, { shape, data }]) => {
      const held = this.#held.get(name)
      const out = this.#pool.floats(data.length)
      this.#fold(name, held, out, this.#total)
      if (held) this.#pool.release(held)
      return [name, { shape, data: out }] as const
    })
    this.#waiting = []
    this.#held.clear()
    return new Map(merged)
  }

  /** Folds a tensor of the waiting owners into what is held of it, and puts what comes of that in `to`. */
  #fold(name: string, held: Values | undefined, to: Values, total: number | undefined): void {
    const values = this.#waiting.map(({ weights }) => weights.get(name)!.data)
    const factors = this.#waiting.map((owner) => this.#rule.factor(owner))
    for (let from = 0; from < to.length; from += BLOCK) {
      const end = Math.min(from + BLOCK, to.length)
      const blocks = values.map((data) => data.subarray(from, end))
      const step = { blocks, factors, held: held?.subarray(from, end), total }
      to.set(this.#rule.fold(step, this.#workspace).subarray(0, end - from), from)
    }
  }
}
