import { messageOf } from '../../errors.ts'
import type { WeightPool } from '../../weights/pool.ts'
import type { Weights } from '../../weights/weights.ts'
import { assertAlike, type Merge, noOwners } from './merge.ts'
import type { MergedRound, MergeTensor, OwnerWeights } from './rule.ts'

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
    const merged = [...first.weights].map(([name, { shape, data }]) => {
      const values = this.#owners.map(({ weights }) => weights.get(name)!.data)
      return [name, { shape, data: this.#mergeTensor(name, values, data.length) }] as const
    })
    this.#owners = []
    return new Map(merged)
  }

  #mergeTensor(name: string, values: readonly Float32Array[], length: number): Float32Array {
    // What the rule forgets to write is found out, and is never what was in this memory before.
    const out = this.#pool.floats(length).fill(Number.NaN)
    const { round, base } = this.#round
    let returned: unknown
    try {
      returned = this.#merge(values, this.#owners, out, { name, round, base: base?.get(name)?.data })
    } catch (error) {
      throw this.#fault(name, `threw ${messageOf(error)}`, error)
    }
    if (returned !== undefined && returned !== out) throw this.#fault(name, `returned ${shown(returned)}`)
    const missing = out.findIndex((value, i) => Number.isNaN(value) && values.every((w) => Number.isFinite(w[i])))
    if (missing >= 0) throw this.#fault(name, `left element ${missing} of ${length} NaN, though all owners' are finite`)
    return out
  }
}

const shown = (value: unknown) =>
  ArrayBuffer.isView(value) || Array.isArray(value)
    ? `${(value as Float32Array).length} values`
    : `a ${Object.prototype.toString.call(value).slice(8, -1)}`
