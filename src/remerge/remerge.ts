import type { MergedModel, OwnerWeights } from '../algorithm/merge/rule.ts'
import { accuracy, type Evaluation, meanLoss } from '../engine/engine.ts'
import { type AnyChoice, choiceText, nameOf } from '../parts.ts'
import { WeightPool } from '../weights/pool.ts'
import type { Weights } from '../weights/weights.ts'
import { type Contribution, contributionsOf, type Method } from './contributions.ts'
import { distance, type KeptRound, merged } from './merged.ts'
import { type AskedRule, reasonOf, type UsableRule, usableRules } from './usable-rules.ts'

export interface Remerging {
  /** The rule that drove the run, to which the others are compared. */
  readonly driver: AnyChoice
  readonly rules: readonly AskedRule[]
  /** Owners that are left out of the merge; models are evaluated on their test sets all the same. */
  readonly without: readonly number[]
  /** What is said of what each owner contributes. */
  readonly methods: readonly Method[]
  /** The model that the owners trained. */
  readonly model: MergedModel
  /** A model on every owner's test set. */
  evaluate(model: Weights): Promise<Evaluation>
}

/** What a rule makes of a round, or why it makes nothing. */
export interface RuleScore {
  readonly round: number
  readonly rule: string
  /** Its name in the tables of the run. */
  readonly name: string
  /** Of the unified model: a fraction, and nats. */
  readonly accuracy?: number
  readonly loss?: number
  /** Percentage points from the rule that drove the run; undefined if that makes nothing of these owners. */
  readonly delta?: number | undefined
  /** From its model, in units of that one's length. */
  readonly distance?: number | undefined
  /** Why the rule was not used. */
  readonly reason?: string
  readonly contributions: readonly Contribution[]
  /** Why these were asked for, and there are none. */
  readonly withoutContributions?: string
}

/**
 * What merge rules make of the weights that owners had in a round. A rule that cannot be used on so many owners gives a
 * reason, and the others go on.
 * @throws the signal's reason, or the engine's error, if a model cannot be evaluated
 */
export async function remergeRound(kept: KeptRound, asked: Remerging): Promise<RuleScore[]> {
  const owners = kept.owners.filter(({ owner }) => !asked.without.includes(owner))
  const pool = new WeightPool()
  const driver = await attempt(async () => {
    const model = merged(asked.driver, kept, owners, new WeightPool())
    return { rule: choiceText(asked.driver), model, evaluation: await asked.evaluate(model) }
  })
  const against = 'failed' in driver ? undefined : driver
  const scores: RuleScore[] = []
  for (const one of usableRules(asked, { ...kept, owners })) {
    const { rule, choice, reason } = one
    const row = { round: kept.round, rule, name: choice ? nameOf(choice) : rule }
    const score = choice === undefined ? undefined : await attempt(() => scoreOf(choice, one))
    if (score && !('failed' in score)) scores.push({ ...row, ...score })
    else scores.push({ ...row, reason: score?.failed ?? reason ?? '', contributions: [] })
  }
  return scores

  async function scoreOf(choice: AnyChoice, { rule, onlyWhole }: UsableRule) {
    const model = merged(choice, kept, owners, pool)
    const evaluation = rule === against?.rule ? against.evaluation : await asked.evaluate(model)
    const apart = against && distance(model, against.model)
    pool.releaseAll(model)
    const whole = accuracy(evaluation)
    const utility = (coalition: readonly OwnerWeights[]) => utilityOf(choice, coalition)
    const told = onlyWhole === undefined ? await attempt(contributed) : { failed: onlyWhole }
    return {
      accuracy: whole,
      loss: meanLoss(evaluation),
      delta: against && 100 * (whole - accuracy(against.evaluation)),
      distance: apart,
      contributions: 'failed' in told ? [] : told.contributions,
      ...('failed' in told && { withoutContributions: told.failed }),
    }

    async function contributed() {
      return { contributions: await contributionsOf(owners, asked.methods, whole, utility) }
    }
  }

  /** A formula holds for any number of owners, also where the rule would be another one in disguise. */
  async function utilityOf(choice: AnyChoice, coalition: readonly OwnerWeights[]): Promise<number> {
    if (coalition.length === 0) {
      return kept.received ? accuracy(await asked.evaluate(kept.received)) : 1 / asked.model.classes
    }
    const model = merged(choice, kept, coalition, pool)
    const found = accuracy(await asked.evaluate(model))
    pool.releaseAll(model)
    return found
  }
}

/** What went wrong with a rule is said beside it; whatever else goes wrong ends the command. */
async function attempt<T extends object>(make: () => Promise<T>): Promise<T | { failed: string }> {
  try {
    return await make()
  } catch (error) {
    return { failed: reasonOf(error) }
  }
}
