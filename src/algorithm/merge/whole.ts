import { messageOf } from '../../errors.ts'
import type { WeightPool } from '../../weights/pool.ts'
import { firstNonFinite, type Weights } from '../../weights/weights.ts'
import { assertAlike, assertBase, type Merge, noOwners } from './merge.ts'
import type { MergedRound, MergeTensor, ModelLook, OwnerFacts, OwnerWeights } from './rule.ts'
import { tensorMerge } from './shared/tensor-merge.ts'

/** A rule that was made of its options, and what it is merged with. */
export interface MadeRule {
  readonly made: MergeTensor | ModelLook
  /** Why the rule is not defined on so many owners, if so. */
  undefinedOn(owners: number): string | undefined
  /** The error of a rule that does not do what it must, at a tensor if it was merged by then. */
  fault(what: string, tensor?: string, cause?: unknown): Error
  /** The error of a rule that cannot merge what it is given. */
  refusal(reason: string): Error
}

/** A merge by the definition of its rule: all owners are held until the end, and merged tensor by tensor. */
export class WholeMerge implements Merge {
  readonly #rule: MadeRule
  readonly #pool: WeightPool
  readonly #round: MergedRound
  #owners: OwnerWeights[] = []

  constructor(rule: MadeRule, pool: WeightPool, round: MergedRound) {
    this.#rule = rule
    this.#pool = pool
    this.#round = round
  }

  add(owner: OwnerWeights): void {
    assertAlike(this.#owners[0] ?? owner, owner)
    this.#owners.push(owner)
  }

  finish(): Weights {
    const [first] = this.#owners
    if (!first) throw noOwners()
    if (this.#round.base) assertBase(this.#round.base, first)
    const reason = this.#rule.undefinedOn(this.#owners.length)
    if (reason !== undefined) throw this.#rule.refusal(reason)
    const facts = this.#owners.map(({ owner, trainImages, trainLabels, steps, statistics }) =>
      Object.freeze({
        owner,
        trainImages,
        ...(trainLabels && { trainLabels: Object.freeze([...trainLabels]) }),
        ...(steps !== undefined && { steps }),
        ...(statistics && { statistics }),
      }),
    )
    const merge = this.#look(facts)
    // A rule that looks at whole models finds none of its distances if one is broken anywhere.
    const broken = typeof this.#rule.made !== 'function' && this.#owners.some(({ weights }) => firstNonFinite(weights))
    const merged = [...first.weights].map(([name, { shape, data }]) => {
      const values = this.#owners.map(({ weights }) => weights.get(name)!.data)
      return [name, { shape, data: this.#mergeTensor(merge, name, values, facts, data.length, broken) }] as const
    })
    this.#owners = []
    return new Map(merged)
  }

  /** What merges each tensor; a rule may look at the models first. */
  #look(facts: readonly OwnerFacts[]): MergeTensor {
    const { made, fault } = this.#rule
    if (typeof made === 'function') return made
    const models = this.#owners.map(({ weights }) => weights)
    const read = this.#round.base ? [...models, this.#round.base] : models
    const before = read.map(modelChecksum)
    let merge: unknown
    try {
      merge = tensorMerge(made, [...models], [...facts], this.#round)
    } catch (error) {
      throw fault(`threw ${messageOf(error)}`, undefined, error)
    }
    const changed = read.findIndex((model, k) => modelChecksum(model) !== before[k])
    if (changed >= 0) throw fault(`changed ${whose(facts, changed)}`)
    if (typeof merge !== 'function') throw fault(`returned ${shown(merge)} from look, which must return a function`)
    return merge as MergeTensor
  }

  #mergeTensor(
    merge: MergeTensor,
    name: string,
    values: readonly Float32Array[],
    facts: readonly OwnerFacts[],
    length: number,
    broken: boolean,
  ): Float32Array {
    // What the rule forgets to write is found out, and is never what was in this memory before.
    const out = this.#pool.floats(length).fill(Number.NaN)
    const { round, base } = this.#round
    const fault = (what: string, cause?: unknown) => this.#rule.fault(what, name, cause)
    const received = base?.get(name)?.data
    const read = received ? [...values, received] : values
    const before = read.map(checksum)
    let returned: unknown
    try {
      // Lists of its own: what a rule does to them is forgotten.
      returned = merge([...values], [...facts], out, { name, round, base: received })
    } catch (error) {
      throw fault(`threw ${messageOf(error)}`, error)
    }
    if (returned !== undefined && returned !== out) throw fault(`returned ${shown(returned)}`)
    // Other rules, and the drift, are made of the same values.
    const changed = read.findIndex((w, k) => checksum(w) !== before[k])
    if (changed >= 0) throw fault(`changed ${whose(facts, changed)}`)
    if (broken) return out
    const missing = out.findIndex((value, i) => Number.isNaN(value) && values.every((w) => Number.isFinite(w[i])))
    if (missing >= 0) throw fault(`left element ${missing} of ${length} NaN, though all owners' are finite`)
    return out
  }
}

/** @param place among the owners, or that after the last: the base's */
const whose = (facts: readonly OwnerFacts[], place: number) =>
  facts[place] ? `the values of owner ${facts[place].owner}` : 'base'

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

const modelChecksum = (model: Weights): string => [...model.values()].map(({ data }) => checksum(data)).join()
