import { FedunifyError } from '../errors.ts'
import type { Tensor, Weights } from '../model/weights.ts'

/** What one owner hands in: its local model's weights and how many images it trained them on. */
export interface OwnerWeights {
  /** 1-based. */
  readonly owner: number
  readonly weights: Weights
  /** Images in the owner's shard, epochs not counted. */
  readonly trainImages: number
}

/** A way to make one model of the owners' models. */
export interface MergeRule {
  readonly name: string
  /** One line for `--help`. */
  readonly summary: string
  /** Equation or paper. */
  readonly source: string
  /** Whether owners can be folded in one at a time. */
  readonly streaming: boolean
  /**
   * Pure: the owners' weights are never changed.
   * @throws FedunifyError (training) where the owners' weights do not have the same tensors.
   */
  merge(owners: readonly OwnerWeights[]): Weights
}

/**
 * Merges tensor by tensor.
 * @param combine fills `out` from the owners' values of one tensor, all of one length, in the owners' order.
 */
export function mergeTensors(
  owners: readonly OwnerWeights[],
  combine: (values: readonly Float32Array[], out: Float32Array) => void,
): Weights {
  const [first] = owners
  if (!first) throw new FedunifyError('training', 'there are no owners to merge')
  for (const { weights } of owners) {
    for (const name of weights.keys()) if (!first.weights.has(name)) throw missing(first.owner, name)
  }
  const merged = new Map<string, Tensor>()
  for (const [name, { shape, data }] of first.weights) {
    const out = new Float32Array(data.length)
    combine(
      owners.map((owner) => valuesOf(owner, name, shape)),
      out,
    )
    merged.set(name, { shape, data: out })
  }
  return merged
}

function valuesOf({ owner, weights }: OwnerWeights, name: string, shape: readonly number[]): Float32Array {
  const tensor = weights.get(name)
  if (!tensor) throw missing(owner, name)
  if (tensor.shape.join() !== shape.join()) throw unlike(owner, name, `is [${tensor.shape}], not [${shape}]`)
  return tensor.data
}

const missing = (owner: number, name: string) => unlike(owner, name, 'is missing')
const unlike = (owner: number, name: string, what: string) =>
  new FedunifyError('training', `owner ${owner}: ${name} ${what}`, 'all owners must train the same model')

/**
 * Σ factors[k] * values[k] / Σ factors for every element, in double precision and in the owners' order. The sum
 * comes first and the division last, so that equal weights with whole factors give exactly that weight; it starts at
 * -0, the one number that changes none when added.
 */
export function weightedMean(values: readonly Float32Array[], factors: readonly number[], out: Float32Array): void {
  const sums = new Float64Array(out.length).fill(-0)
  for (const [k, owner] of values.entries()) {
    const factor = factors[k]!
    for (let i = 0; i < sums.length; i++) sums[i]! += factor * owner[i]!
  }
  const total = factors.reduce((a, b) => a + b, 0)
  for (let i = 0; i < sums.length; i++) out[i] = sums[i]! / total
}

/**
 * The element for which `better(candidate, held)` says so, the owners taken in order; the first owner holds ties.
 * A NaN is always taken and, since no comparison with it holds, kept: no rule hides that a model is broken.
 */
export function select(
  values: readonly Float32Array[],
  out: Float32Array,
  better: (candidate: number, held: number) => boolean,
): void {
  const [first, ...others] = values
  out.set(first!)
  for (const owner of others) {
    for (let i = 0; i < out.length; i++) {
      const candidate = owner[i]!
      if (better(candidate, out[i]!) || Number.isNaN(candidate)) out[i] = candidate
    }
  }
}
