import { lastOf } from '../algorithm/earlier-models.ts'
import { chosenHead } from '../algorithm/head/registry.ts'
import { asksOf, assertRule, assertRuleFits, usesOf } from '../algorithm/merge/assert-rule.ts'
import type { MergedModel } from '../algorithm/merge/rule.ts'
import type { Experiment } from '../config/schema.ts'
import { FedunifyError } from '../errors.ts'
import { trainingOwners } from '../federation/drawn-owners.ts'
import { featureModel, widened } from '../model/features.ts'
import type { Model } from '../model/model.ts'
import { type AnyChoice, nameOf } from '../parts.ts'

/**
 * Looks before a run whether its merge rules can be used.
 * @param fewest owners that are merged in a round, if some may be absent
 * @throws FedunifyError (usage) as `assertRule` does, or if a rule goes on from a model that owners do not have in common
 */
export function assertRules({ merge, init, owners: all, participants }: Experiment, fewest?: number): void {
  const owners = trainingOwners({ owners: all, participants })
  const driver = merge[0]!
  if (lastOf(driver) !== undefined) {
    const message = `merge ${nameOf(driver)} is only evaluated, so it cannot drive a run`
    throw new FedunifyError('E_MERGE_RULE', message, `name the rule that drives it first, as in avg,${nameOf(driver)}`)
  }
  for (const choice of merge) {
    assertRule(choice, owners, fewest ?? owners)
    const why = init === 'shared' ? undefined : apart(choice)
    if (why === undefined) continue
    const message = `merge ${nameOf(choice)} ${why}, but with init ${init} each has its own`
    throw new FedunifyError('E_CONFLICT', message, 'use init shared, or another rule')
  }
}

/** What makes a rule useless for owners that begin with weights of their own, if it is. */
function apart(choice: AnyChoice): string | undefined {
  if (usesOf(choice).includes('base')) return 'goes on from the model that all owners received'
  // The same unit of two owners is made of other inputs then.
  return asksOf(choice).length > 0 ? 'compares units that mean the same at all owners' : undefined
}

/** @throws FedunifyError (usage) if a rule cannot merge such models */
export function assertRulesFit({ merge }: Experiment, model: Model): void {
  for (const choice of merge) assertRuleFits(choice, mergedModel(model))
}

/** What a rule may know of a model before it merges some. */
export function mergedModel({ parameters, classes, layers }: Model): MergedModel {
  const shapes = new Map(parameters.map(({ name, shape }) => [name, shape]))
  const last = layers.at(-1)
  return { shapes, classes, ...(last && { lastLayer: last.layer.type }) }
}

/** Whether a rule merges by how many images of each class the owners have. */
export const usesLabels = ({ merge }: Experiment): boolean => merge.some((choice) => usesOf(choice).includes('labels'))

/** Finds out before anything is trained whether a head can be fitted to the model. */
export function assertHead(model: Model, { head: chosen }: Experiment): void {
  const head = chosenHead(chosen)
  if (head) featureModel(widened(model, head.random))
}
