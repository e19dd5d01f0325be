import { BLOCK, type Workspace } from '../../weights/simd/sweeps.ts'
import { workspace } from '../../weights/simd/workspace.ts'
import { giveSums } from '../../weights/sums.ts'
import type { Weights } from '../../weights/weights.ts'
import { assertAlike, type Fold, noOwners, type OwnerWeights, type StreamingRule } from './rule.ts'

/** Float64 where sums are held, float32 where values are. */
type Held = Float64Array | Float32Array

/**
 * What a rule does with a block of every owner's values, one owner after the other. The first owner's is given to it,
 * the others' it finds in `values`. `bytes` are those of the block in single precision.
 */
export interface Kernel {
  /** For how much an owner counts, where that matters. */
  readonly factor: (owner: OwnerWeights) => number
  /** Memory for what is held of `length` elements: the result's own, where values are held. */
  readonly create: (length: number, result: Float32Array) => Held
  readonly values: Float32Array
  /** Where what is held of the block stands, and the merged block in the end. */
  readonly held: Held
  readonly merged: Float32Array
  first(block: Float32Array, bytes: number, factor: number): void
  next(bytes: number, factor: number): void
  /** @param total sum of the owners' factors */
  finish(bytes: number, total: number): void
  /** `next` and `finish` in one. */
  last(bytes: number, factor: number, total: number): void
  /** All there is to do for two owners, whose blocks are given. */
  pair(one: Float32Array, other: Float32Array, bytes: number, factors: readonly [number, number], total: number): void
}

/** The kernel that works in that memory. */
export type KernelOf = (workspace: Workspace) => Kernel

/** A rule that treats every element alike, written once as what it does with a block. */
export function streamingRule(
  about: Pick<StreamingRule, 'name' | 'summary' | 'source'>,
  kernelOf: KernelOf,
): StreamingRule {
  let made: Kernel | undefined
  const kernel = () => {
    made ??= kernelOf(workspace())
    return made
  }
  return {
    ...about,
    streaming: true,
    start: (into) => new ElementwiseFold(kernel(), into),
    merge: (all, into) => mergeAll(kernel(), all, into),
  }
}

/** With all owners at hand what is held of a block needs no memory but the block's. */
function mergeAll(kernel: Kernel, owners: readonly OwnerWeights[], into: Weights | undefined): Weights {
  const [first] = owners
  if (!first) throw noOwners()
  for (const owner of owners) assertAlike(first, owner)
  const factors = owners.map(kernel.factor)
  const total = factors.reduce((a, b) => a + b, 0)
  const result = memoryFor(first.weights, into)
  for (const [name, { data: out }] of result) {
    const rows = owners.map(({ weights }) => weights.get(name)!.data)
    eachBlock(out.length, (from, to, bytes) => {
      const blocks = rows.map((row) => row.subarray(from, to))
      mergeBlocks(kernel, blocks, bytes, factors, total)
      out.set(kernel.merged.subarray(0, to - from), from)
    })
  }
  return result
}

/** Leaves the merge of the owners' blocks in `kernel.merged`. */
function mergeBlocks(
  kernel: Kernel,
  blocks: readonly Float32Array[],
  bytes: number,
  factors: readonly number[],
  total: number,
): void {
  const end = blocks.length - 1
  if (end === 1) {
    kernel.pair(blocks[0]!, blocks[1]!, bytes, [factors[0]!, factors[1]!], total)
    return
  }
  kernel.first(blocks[0]!, bytes, factors[0]!)
  for (let k = 1; k <= end; k++) {
    kernel.values.set(blocks[k]!)
    if (k < end) kernel.next(bytes, factors[k]!)
    else kernel.last(bytes, factors[k]!, total)
  }
  if (end === 0) kernel.finish(bytes, total)
}

class ElementwiseFold implements Fold {
  readonly #kernel: Kernel
  readonly #into: Weights | undefined
  /** The result, for now with anything in it, as the weights of the first owner, whose number it has. */
  #like: OwnerWeights | undefined
  #held = new Map<string, Held>()
  #total = 0

  constructor(kernel: Kernel, into: Weights | undefined) {
    this.#kernel = kernel
    this.#into = into
  }

  add(owner: OwnerWeights): void {
    const kernel = this.#kernel
    const isFirst = this.#like === undefined
    this.#like ??= { ...owner, weights: memoryFor(owner.weights, this.#into) }
    assertAlike(this.#like, owner)
    const factor = kernel.factor(owner)
    this.#total += factor
    for (const [name, { data }] of owner.weights) {
      if (isFirst) this.#held.set(name, kernel.create(data.length, this.#like.weights.get(name)!.data))
      const held = this.#held.get(name)!
      eachBlock(data.length, (from, to, bytes) => {
        if (isFirst) kernel.first(data.subarray(from, to), bytes, factor)
        else {
          kernel.values.set(data.subarray(from, to))
          kernel.held.set(held.subarray(from, to))
          kernel.next(bytes, factor)
        }
        held.set(kernel.held.subarray(0, to - from), from)
      })
    }
  }

  finish(): Weights {
    if (!this.#like) throw noOwners()
    const { weights } = this.#like
    for (const [name, { data: out }] of weights) {
      const held = this.#held.get(name)!
      // Values that were chosen are merged already; sums are not.
      if (held instanceof Float32Array) continue
      eachBlock(held.length, (from, to, bytes) => {
        this.#kernel.held.set(held.subarray(from, to))
        this.#kernel.finish(bytes, this.#total)
        out.set(this.#kernel.merged.subarray(0, to - from), from)
      })
      giveSums(held)
    }
    this.#like = undefined
    this.#held.clear()
    return weights
  }
}

/** Memory for a result like `weights`: that of `into` where it fits. */
function memoryFor(weights: Weights, into: Weights | undefined): Weights {
  const entries = [...weights].map(([name, { shape, data }]) => {
    const memory = into?.get(name)?.data
    return [name, { shape, data: memory?.length === data.length ? memory : new Float32Array(data.length) }] as const
  })
  return new Map(entries)
}

function eachBlock(length: number, visit: (from: number, to: number, bytes: number) => void): void {
  for (let from = 0; from < length; from += BLOCK) {
    const to = Math.min(from + BLOCK, length)
    visit(from, to, 4 * (to - from))
  }
}
