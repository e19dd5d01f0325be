import { messageOf } from '../../errors.ts'
import type { WeightPool } from '../../weights/pool.ts'
import type { Weights } from '../../weights/weights.ts'
import { assertAlike, type Merge, noOwners } from './merge.ts'
import type { MergedRound, MergeTensor, OwnerFacts, OwnerWeights } from './rule.ts'

/** A merge by the definition of its rule: all owners are held until the end, and merged tensor by tensor. */
export class WholeMerge implements Merge {
  readonly #merge: MergeTensor
  readonly #pool: WeightPool
  readonly #round: MergedRound
  readonly #fault: (tensor: string, what: string, cause?: unknown) => Error
  #owners: OwnerWeights[] = []

  /** @param fault makes the error of a rule that does not do what it must */
  constructor(
    merge: MergeTensor,
    pool: WeightPool,
    round: MergedRound,
    fault: (tensor: string, what: string, cause?: unknown) => Error,
  ) {
    this.#merge = merge
    this.#pool = pool
    this.#round = round
    this.#fault = fault
  }

  add(owner: OwnerWeights): void {
    assertAlike(this.#owners[0] ?? owner, owner)
    this.#owners.push(owner)
  }

  finish(): Weights {
    const [first] = this.#owners
    if (!first) throw noOwners()
    const facts = this.#owners.map(({ owner, trainImages }) => Object.freeze({ owner, trainImages }))
    const merged = [...first.weights].map(([name, { shape, data }]) => {
      const values = this.#owners.map(({ weights }) => weights.get(name)!.data)
      return [name, { shape, data: this.#mergeTensor(name, values, facts, data.length) }] as const
    })
    this.#owners = []
    return new Map(merged)
  }

  #mergeTensor(
    name: string,
    values: readonly Float32Array[],
    facts: readonly OwnerFacts[],
    length: number,
  ): Float32Array {
    // What the rule forgets to write is found out, and is never what was in this memory before.
    const out = this.#pool.floats(length).fill(Number.NaN)
    const { round, base } = this.#round
    const received = base?.get(name)?.data
    const read = received ? [...values, received] : values
    const before = read.map(checksum)
    let returned: unknown
    try {
      // Lists of its own: what a rule does to them is forgotten.
      returned = this.#merge([...values], [...facts], out, { name, round, base: received })
    } catch (error) {
      throw this.#fault(name, `threw ${messageOf(error)}`, error)
    }
    if (returned !== undefined && returned !== out) throw this.#fault(name, `returned ${shown(returned)}`)
    // Other rules, and the drift, are made of the same values.
    const changed = read.findIndex((w, k) => checksum(w) !== before[k])
    const whose = facts[changed] ? `the values of owner ${facts[changed].owner}` : 'base'
    if (changed >= 0) throw this.#fault(name, `changed ${whose}`)
    const missing = out.findIndex((value, i) => Number.isNaN(value) && values.every((w) => Number.isFinite(w[i])))
    if (missing >= 0) throw this.#fault(name, `left element ${missing} of ${length} NaN, though all owners' are finite`)
    return out
  }
}

const shown = (value: unknown) =>
  ArrayBuffer.isView(value) || Array.isArray(value)
    ? `${(value as Float32Array).length} values`
    : `a ${Object.prototype.toString.call(value).slice(8, -1)}`

/** A change of any one element makes another sum; a few bits of chance are enough against what is done by mistake. */
function checksum(values: Float32Array): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  let sum = 0
  for (let i = 0; i < bits.length; i++) sum = Math.imul(sum ^ bits[i]!, 0x01000193)
  return sum
}
