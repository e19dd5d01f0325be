import { FedunifyError, messageOf } from '../../errors.ts'
import { type AnyChoice, nameOf, optionsOf, withDefaults } from '../../parts.ts'
import { mergeRule, ownRuleOf } from './own-rule.ts'
import { at } from './rule-place.ts'

/**
 * Looks before a run whether its rules can be used.
 * @throws FedunifyError (usage) if one is another rule in disguise on so many owners, or if one of the user's own cannot
 *   be made of its options
 */
export function assertRule(choice: AnyChoice, owners: number): void {
  const rule = mergeRule(choice)
  const own = ownRuleOf(choice)
  const refuse = (what: string, hint: string, cause?: unknown) =>
    new FedunifyError('E_MERGE_RULE', `merge ${nameOf(choice)}${own ? ` (${at(own, cause)})` : ''}: ${what}`, hint, {
      cause,
    })
  /** Calls what others wrote. */
  const call = <T>(what: string, of: () => T): T => {
    try {
      return of()
    } catch (error) {
      throw refuse(`${what} threw ${messageOf(error)}`, 'mend the rule, or give it other options', error)
    }
  }
  const options = withDefaults(rule, optionsOf(choice))
  const reason: unknown = call('check', () => rule.check?.(options, owners))
  if (reason !== undefined && typeof reason !== 'string') {
    throw refuse(`check returned ${show(reason)}`, 'it must return a reason not to use the rule, or undefined')
  }
  if (reason) throw refuse(reason, 'use that rule, other options or another number of owners')
  if (!own) return
  const made: unknown = call('make', () => rule.make(options))
  if (typeof made !== 'function') {
    throw refuse(`make returned ${show(made)}`, 'it must return a function of values, owners and out')
  }
}

const show = (value: unknown) => `a ${Object.prototype.toString.call(value).slice(8, -1)}`
