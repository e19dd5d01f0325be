import type { OwnerWeights } from '../algorithm/merge/rule.ts'
import { shapleyValues } from './shapley.ts'

/** More owners have too many coalitions: 2ⁿ models are merged and evaluated. */
export const MOST_OWNERS = 10

/** How owners' contributions are told apart. */
export const METHODS = ['leave-one-out', 'shapley'] as const
export type Method = (typeof METHODS)[number]

/** What an owner contributes to the unified accuracy of a rule. */
export interface Contribution {
  readonly method: Method
  readonly owner: number
  /** The unified accuracy of all the others, a fraction; only leave-one-out has it. */
  readonly without: number | undefined
  /** In percentage points. */
  readonly points: number
}

/** The accuracy, a fraction, of the model that a rule makes of some owners; of none: of the model that they received. */
export type Utility = (coalition: readonly OwnerWeights[]) => Promise<number>

/** How many coalitions are evaluated, beside that of all owners. */
export function coalitionsOf(owners: number, methods: readonly Method[]): number {
  if (methods.includes('shapley')) return 2 ** owners - 1
  return methods.length > 0 ? owners : 0
}

/** How few owners are merged for that, none not counted. */
export const smallestCoalition = (owners: number, methods: readonly Method[]): number =>
  methods.includes('shapley') ? 1 : methods.length > 0 ? Math.max(1, owners - 1) : owners

/**
 * What each owner contributes: by leave-one-out, what is lost without it; by Shapley's value, what it adds on average to
 * every coalition of the others. No coalition is evaluated twice.
 * @param whole the accuracy of all owners together
 */
export async function contributionsOf(
  owners: readonly OwnerWeights[],
  methods: readonly Method[],
  whole: number,
  utility: Utility,
): Promise<Contribution[]> {
  const all = 2 ** owners.length - 1
  const known = new Map([[all, whole]])
  const value = async (coalition: number): Promise<number> => {
    const found = known.get(coalition)
    if (found !== undefined) return found
    const made = await utility(owners.filter((_, i) => coalition & (1 << i)))
    known.set(coalition, made)
    return made
  }
  const contributions: Contribution[] = []
  if (methods.includes('leave-one-out')) {
    for (const [i, { owner }] of owners.entries()) {
      const without = await value(all & ~(1 << i))
      contributions.push({ method: 'leave-one-out', owner, without, points: 100 * (whole - without) })
    }
  }
  if (methods.includes('shapley')) {
    const values: number[] = []
    for (let coalition = 0; coalition <= all; coalition++) values.push(await value(coalition))
    for (const [i, points] of shapleyValues(values.map((one) => 100 * one)).entries()) {
      contributions.push({ method: 'shapley', owner: owners[i]!.owner, without: undefined, points })
    }
  }
  return contributions
}
