import type { Workspace } from '../../weights/simd/kernels.ts'
import type { MergeName } from './registry.ts'
import type { OwnerFacts } from './rule.ts'

/** Blocks of a tensor of the next two owners, or the last one, to be folded into what is held of those before them. */
export interface Step {
  readonly blocks: readonly [Float32Array, Float32Array | undefined]
  readonly factors: readonly [number, number | undefined]
  /** What is held, unless these owners are the first. */
  readonly held: Float32Array | Float64Array | undefined
  /** Sum of all owners' factors, if these owners are the last. */
  readonly total: number | undefined
}

/** A rule as it folds owners in, two at a time, block by block; between them it holds one value of each weight. */
export interface Streaming {
  /** In which precision it holds values. */
  readonly holds: 'doubles' | 'floats'
  /** For how much an owner counts. */
  factor(owner: OwnerFacts): number
  /** @returns where in the workspace it leaves what is held now or, after the last owners, the merged block */
  fold(step: Step, workspace: Workspace): Float32Array | Float64Array
}

/**
 * What is faster than a rule's definition, to the same bits, and holds two owners at a time however many there are. A
 * rule that is not here is merged by its definition, and so would all be without this file. None has options.
 */
export const ACCELERATED: Partial<Readonly<Record<MergeName, Streaming>>> = {
  avg: mean(() => 1),
  'weighted-avg': mean(({ trainImages }) => trainImages),
  max: choice('max'),
  absmax: choice('absmax'),
  'absmax-literal': choice('magnitude'),
}

/** Σ factor · value / Σ factor */
function mean(factor: (owner: OwnerFacts) => number): Streaming {
  return {
    holds: 'doubles',
    factor,
    fold({ blocks: [one, other], factors: [first, second = 0], held, total }, { sweeps, ...workspace }) {
      workspace.one.set(one)
      if (other) workspace.other.set(other)
      if (held) workspace.sums.set(held)
      if (total === undefined) {
        sweeps[held ? 'addTwo' : 'startTwo'](one.byteLength, first, second, 0)
        return workspace.sums
      }
      const sum = `${held ? 'add' : 'start'}${other ? 'Two' : 'One'}` as const
      if (isPowerOfTwo(total)) sweeps[`${sum}Multiply`](one.byteLength, first, second, 1 / total)
      else sweeps[`${sum}Divide`](one.byteLength, first, second, total)
      return workspace.result
    },
  }
}

/** Its reciprocal is exact then, and to multiply is faster. */
const isPowerOfTwo = (total: number) => Number.isInteger(Math.log2(total))

/** The better one of what is held and the next owner's value, again and again. */
function choice(better: 'max' | 'absmax' | 'magnitude'): Streaming {
  return {
    holds: 'floats',
    factor: () => 1,
    fold({ blocks: [one, other = one], held }, { sweeps, ...workspace }) {
      workspace.one.set(held ?? one)
      for (const block of held ? [one, other] : [other]) {
        workspace.other.set(block)
        sweeps[better](one.byteLength, 0, 0, 0)
      }
      return workspace.one
    },
  }
}
