import type { Workspace } from '../../weights/simd/kernels.ts'
import type { MergeName } from './registry.ts'
import type { OwnerFacts } from './rule.ts'

/** Blocks of a tensor of the next GROUP owners, or the last ones, to be folded into what is held of those before them. */
export interface Step {
  readonly blocks: readonly Float32Array[]
  readonly factors: readonly number[]
  /** What is held, unless these owners are the first. */
  readonly held: Float32Array | Float64Array | undefined
  /** Sum of all owners' factors, if these owners are the last. */
  readonly total: number | undefined
}

/** Owners that are folded in at the same time, an even number: the more, the less often what is held is read and written. */
export const GROUP = 4

/** A rule as it folds groups of owners in, block by block; between them it holds one value of each weight. */
export interface Streaming {
  /** In which precision it holds values. */
  readonly holds: 'doubles' | 'floats'
  /** For how much an owner counts. */
  factor(owner: OwnerFacts): number
  /** @returns where in the workspace it leaves what is held now or, after the last owners, the merged block */
  fold(step: Step, workspace: Workspace): Float32Array | Float64Array
}

/**
 * What is faster than a rule's definition, to the same bits, and holds GROUP owners at a time, however many there are. A
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
    fold({ blocks, factors, held, total }, { sweeps, ...workspace }) {
      if (held) workspace.sums.set(held)
      for (let k = 0; k < blocks.length; k += 2) {
        const [one, other] = [blocks[k]!, blocks[k + 1]]
        workspace.one.set(one)
        if (other) workspace.other.set(other)
        const owners = [one.byteLength, factors[k]!, factors[k + 1] ?? 0] as const
        const from = held || k > 0 ? 'add' : 'start'
        const sum = `${from}${other ? 'Two' : 'One'}` as const
        if (total === undefined || k + 2 < blocks.length) sweeps[`${from}Two`](...owners, 0)
        else if (isPowerOfTwo(total)) sweeps[`${sum}Multiply`](...owners, 1 / total)
        else sweeps[`${sum}Divide`](...owners, total)
      }
      return total === undefined ? workspace.sums : workspace.result
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
    fold({ blocks, held }, { sweeps, ...workspace }) {
      workspace.one.set(held ?? blocks[0]!)
      // The first owner's own block may be compared with itself: the literal reading makes its magnitude of it.
      for (const block of held || blocks.length === 1 ? blocks : blocks.slice(1)) {
        workspace.other.set(block)
        sweeps[better](block.byteLength, 0, 0, 0)
      }
      return workspace.one
    },
  }
}
