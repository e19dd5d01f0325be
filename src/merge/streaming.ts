import type { Weights } from '../model/weights.ts'
import { assertAlike, type Fold, noOwners, type OwnerWeights, type StreamingRule } from './rule.ts'
import { BLOCK, values } from './simd/kernels.ts'

/** Float64 where sums are held, float32 where values are. */
type Held = Float64Array | Float32Array

/**
 * What a rule does with a block of every owner's values, which it finds in `values` (simd/kernels.ts), one owner
 * after the other. `bytes` are those of the block in single precision.
 */
export interface Kernel {
  /** For how much an owner counts, where that matters. */
  readonly factor: (owner: OwnerWeights) => number
  readonly create: (length: number) => Held
  /** Where what is held of the block stands, and the merged block after `last`. */
  readonly held: Held
  readonly merged: Float32Array
  first(bytes: number, factor: number): void
  next(bytes: number, factor: number): void
  /** @param total sum of the owners' factors */
  last(bytes: number, total: number): void
}

/** A rule that treats every element alike, written once as what it does with a block. */
export function streamingRule(
  about: Pick<StreamingRule, 'name' | 'summary' | 'source'>,
  kernel: Kernel,
): StreamingRule {
  return { ...about, streaming: true, start: () => new ElementwiseFold(kernel), merge: (all) => mergeAll(kernel, all) }
}

/** With all owners at hand what is held of a block needs no memory but the block's. */
function mergeAll(kernel: Kernel, owners: readonly OwnerWeights[]): Weights {
  const [first] = owners
  if (!first) throw noOwners()
  for (const owner of owners) assertAlike(first, owner)
  const factors = owners.map(kernel.factor)
  const total = factors.reduce((a, b) => a + b, 0)
  return mapTensors(first.weights, (name, length) => {
    const rows = owners.map(({ weights }) => weights.get(name)!.data)
    const out = new Float32Array(length)
    eachBlock(length, (from, to, bytes) => {
      for (let k = 0; k < rows.length; k++) {
        values.set(rows[k]!.subarray(from, to))
        if (k === 0) kernel.first(bytes, factors[k]!)
        else kernel.next(bytes, factors[k]!)
      }
      kernel.last(bytes, total)
      out.set(kernel.merged.subarray(0, to - from), from)
    })
    return out
  })
}

class ElementwiseFold implements Fold {
  readonly #kernel: Kernel
  /** Names and shapes of the first owner's weights, and its number; its values are let go. */
  #like: OwnerWeights | undefined
  #held = new Map<string, Held>()
  #total = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  add(owner: OwnerWeights): void {
    const kernel = this.#kernel
    const isFirst = this.#like === undefined
    this.#like ??= { ...owner, weights: mapTensors(owner.weights, () => NOTHING) }
    assertAlike(this.#like, owner)
    const factor = kernel.factor(owner)
    this.#total += factor
    for (const [name, { data }] of owner.weights) {
      if (isFirst) this.#held.set(name, kernel.create(data.length))
      const held = this.#held.get(name)!
      eachBlock(data.length, (from, to, bytes) => {
        values.set(data.subarray(from, to))
        if (isFirst) kernel.first(bytes, factor)
        else {
          kernel.held.set(held.subarray(from, to))
          kernel.next(bytes, factor)
        }
        held.set(kernel.held.subarray(0, to - from), from)
      })
    }
  }

  finish(): Weights {
    if (!this.#like) throw noOwners()
    return mapTensors(this.#like.weights, (name) => {
      const held = this.#held.get(name)!
      // Values that were chosen are merged already; sums are not.
      if (held instanceof Float32Array) return held
      const out = new Float32Array(held.length)
      eachBlock(held.length, (from, to, bytes) => {
        this.#kernel.held.set(held.subarray(from, to))
        this.#kernel.last(bytes, this.#total)
        out.set(this.#kernel.merged.subarray(0, to - from), from)
      })
      return out
    })
  }
}

const NOTHING = new Float32Array(0)

function mapTensors(weights: Weights, values: (name: string, length: number) => Float32Array): Weights {
  return new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: values(name, data.length) }]))
}

function eachBlock(length: number, visit: (from: number, to: number, bytes: number) => void): void {
  for (let from = 0; from < length; from += BLOCK) {
    const to = Math.min(from + BLOCK, length)
    visit(from, to, 4 * (to - from))
  }
}
