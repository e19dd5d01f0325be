import { FedunifyError, messageOf } from '../../errors.ts'
import { type AnyChoice, nameOf, optionsOf, withDefaults } from '../../parts.ts'
import { findRule, mergeRule, ownRuleOf } from './own-rule.ts'
import type { AskedStatistic, MergedModel, Use } from './rule.ts'
import { at } from './rule-place.ts'

/**
 * Looks before a run whether a rule can be used.
 * @param fewest owners that are merged in a round, if some may be absent
 * @throws FedunifyError (usage) if it is not defined on so many owners, or another rule in disguise, or if one of the
 *   user's own cannot be made of its options
 */
export function assertRule(choice: AnyChoice, owners: number, fewest = owners): void {
  const rule = mergeRule(choice)
  const own = ownRuleOf(choice)
  const refuse = (what: string, hint: string, cause?: unknown) => refusal(choice, what, hint, cause)
  /** Calls what others wrote. */
  const call = <T>(what: string, of: () => T): T => {
    try {
      return of()
    } catch (error) {
      throw refuse(`${what} threw ${messageOf(error)}`, 'mend the rule, or give it other options', error)
    }
  }
  const options = withDefaults(rule, optionsOf(choice))
  const misfit = rule.undefinedOn?.(options, fewest)
  if (misfit !== undefined) throw refuse(misfit, OTHERWISE)
  const reason: unknown = call('check', () => rule.check?.(options, owners))
  if (reason !== undefined && typeof reason !== 'string') {
    throw refuse(`check returned ${show(reason)}`, 'it must return a reason not to use the rule, or undefined')
  }
  if (reason) throw refuse(reason, 'use that rule, other options or another number of owners')
  if (!own) return
  const uses: unknown = call('uses', () => rule.uses?.(options) ?? [])
  if (!Array.isArray(uses) || uses.some((use) => !USES.includes(use))) {
    throw refuse(`uses returned ${JSON.stringify(uses)}`, `it must return a list of ${USES.join(' or ')}`)
  }
  const made: unknown = call('make', () => rule.make(options))
  const looks = typeof made === 'object' && made !== null && 'look' in made && typeof made.look === 'function'
  if (typeof made !== 'function' && !looks) {
    throw refuse(`make returned ${show(made)}`, 'it must return a function of values, owners and out, or { look }')
  }
}

/** @throws FedunifyError (usage) if a rule cannot merge such models */
export function assertRuleFits(choice: AnyChoice, model: MergedModel): void {
  const rule = mergeRule(choice)
  const reason = rule.checkModel?.(withDefaults(rule, optionsOf(choice)), model)
  if (reason !== undefined) throw refusal(choice, reason, OTHERWISE)
}

/** What a rule uses beside weights and numbers of images. */
export function usesOf(choice: AnyChoice): readonly Use[] {
  const rule = mergeRule(choice)
  return rule.uses?.(withDefaults(rule, optionsOf(choice))) ?? []
}

/** What a rule asks of owners beside their weights; nothing if its code was not loaded. */
export function asksOf(choice: AnyChoice): readonly AskedStatistic[] {
  const rule = findRule(choice)
  return rule?.asks?.(withDefaults(rule, optionsOf(choice))) ?? []
}

function refusal(choice: AnyChoice, what: string, hint: string, cause?: unknown): FedunifyError {
  const own = ownRuleOf(choice)
  const named = `merge ${nameOf(choice)}${own ? ` (${at(own, cause)})` : ''}`
  return new FedunifyError('E_MERGE_RULE', `${named}: ${what}`, hint, { cause })
}

const USES: readonly Use[] = ['base', 'labels', 'steps']

const OTHERWISE = 'use another rule, other options or another number of owners'

const show = (value: unknown) => `a ${Object.prototype.toString.call(value).slice(8, -1)}`
