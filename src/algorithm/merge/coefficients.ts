import { FedunifyError } from '../../errors.ts'
import { type AnyChoice, nameOf, optionsOf, withDefaults } from '../../parts.ts'
import { mergeRule } from './own-rule.ts'
import type { OwnerFacts } from './rule.ts'

/**
 * The a_k of a rule that needs nothing but a sum: it makes base + Σ a_k (w_k - base) of the owners' weights w_k and the
 * model that they received. They are what its definition makes of unit vectors, so no formula is written down twice.
 *
 * @throws FedunifyError (usage) if the rule is no such sum, whatever it says of itself
 */
export function coefficientsOf(choice: AnyChoice, owners: readonly OwnerFacts[], round: number): number[] {
  const rule = mergeRule(choice)
  const refuse = () =>
    new FedunifyError('E_MERGE_RULE', `merge ${nameOf(choice)} is no weighted sum of the owners' changes`, HINT)
  const merge = rule.make(withDefaults(rule, optionsOf(choice)))
  if (rule.needs !== 'sum' || typeof merge !== 'function') throw refuse()
  const count = owners.length
  // One place for each owner, one for the base, and two more that tell whether the rule is such a sum.
  const values = owners.map((_, k) => {
    const row = new Float32Array(count + 3)
    row[k] = 1
    row.set([1, 2 ** -k + k], count + 1)
    return row
  })
  const base = new Float32Array(count + 3)
  base.set([1, 1, -3], count)
  // In double precision, which a rule that only writes numbers cannot tell.
  const out = new Float64Array(count + 3)
  merge(values, owners, out as unknown as Float32Array, { name: '', round, base })
  const made = [...out.subarray(0, count)]
  const ofBase = out[count]!
  const mixed = made.reduce((sum, a, k) => sum + a * values[k]![count + 2]!, -3 * ofBase)
  const near = (one: number, other: number) => Math.abs(one - other) <= 1e-9 * Math.max(1, Math.abs(other))
  // Owners that all hand in what they received leave it as it is.
  if (!near(out[count + 1]!, 1) || !near(out[count + 2]!, mixed)) throw refuse()
  return made
}

const HINT = 'masks show nothing but such sums: use avg, weighted-avg, fednova or task-arithmetic'
