import { lastOf } from '../algorithm/last-models.ts'
import { assertRule } from '../algorithm/merge/assert-rule.ts'
import type { OwnerWeights } from '../algorithm/merge/rule.ts'
import { accuracy, type Evaluation, meanLoss } from '../engine/engine.ts'
import { FedunifyError } from '../errors.ts'
import { type AnyChoice, choiceText, nameOf } from '../parts.ts'
import { WeightPool } from '../weights/pool.ts'
import type { Weights } from '../weights/weights.ts'
import { type Contribution, contributionsOf, type Method } from './contributions.ts'
import { distance, type KeptRound, merged } from './merged.ts'

/** A rule that is to be scored, or why it cannot be. */
export interface AskedRule {
  /** On one line, as a command line takes it. */
  readonly rule: string
  readonly choice?: AnyChoice
  readonly reason?: string
}

export interface Remerging {
  /** The rule that drove the run, to which the others are compared. */
  readonly driver: AnyChoice
  readonly rules: readonly AskedRule[]
  /** Owners that are left out of the merge; models are evaluated on their test sets all the same. */
  readonly without: readonly number[]
  /** What is said of what each owner contributes. */
  readonly methods: readonly Method[]
  /** A model on every owner's test set. */
  evaluate(model: Weights): Promise<Evaluation>
  /** The accuracy of guessing: that of no owner, if there is no model that all received. */
  readonly chance: number
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
  readonly reason?: string
  readonly contributions: readonly Contribution[]
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
  for (const { rule, choice, reason } of usable(asked.rules, owners.length)) {
    const row = { round: kept.round, rule, name: choice ? nameOf(choice) : rule }
    const score = choice === undefined ? undefined : await attempt(() => scoreOf(rule, choice))
    if (score && !('failed' in score)) scores.push({ ...row, ...score })
    else scores.push({ ...row, reason: score?.failed ?? reason ?? '', contributions: [] })
  }
  return scores

  async function scoreOf(rule: string, choice: AnyChoice) {
    const model = merged(choice, kept, owners, pool)
    const evaluation = rule === against?.rule ? against.evaluation : await asked.evaluate(model)
    const apart = against && distance(model, against.model)
    pool.releaseAll(model)
    const whole = accuracy(evaluation)
    const utility = (coalition: readonly OwnerWeights[]) => utilityOf(choice, coalition)
    return {
      accuracy: whole,
      loss: meanLoss(evaluation),
      delta: against && 100 * (whole - accuracy(against.evaluation)),
      distance: apart,
      contributions: await contributionsOf(owners, asked.methods, whole, utility),
    }
  }

  /** A formula holds for any number of owners, also where the rule would be another one in disguise. */
  async function utilityOf(choice: AnyChoice, coalition: readonly OwnerWeights[]): Promise<number> {
    if (coalition.length === 0) {
      return kept.received ? accuracy(await asked.evaluate(kept.received)) : asked.chance
    }
    const model = merged(choice, kept, coalition, pool)
    const found = accuracy(await asked.evaluate(model))
    pool.releaseAll(model)
    return found
  }
}

/** Rules that can be used on so many owners as they are, and the others with the reason. */
function usable(rules: readonly AskedRule[], owners: number): AskedRule[] {
  return rules.map(({ rule, choice, reason }) => {
    if (!choice) return { rule, ...(reason !== undefined && { reason }) }
    if (lastOf(choice) !== undefined) return { rule, reason: 'it merges the unified models of several rounds' }
    try {
      assertRule(choice, owners)
      return { rule, choice }
    } catch (error) {
      return { rule, reason: reasonOf(error) }
    }
  })
}

/**
 * How many models are evaluated for a round.
 * @param coalitions that are evaluated for each rule, beside all owners
 */
export function evaluationsOf(
  { driver, rules }: Pick<Remerging, 'driver' | 'rules'>,
  owners: number,
  coalitions: number,
): number {
  const used = usable(rules, owners).filter(({ choice }) => choice !== undefined)
  const others = used.filter(({ rule }) => rule !== choiceText(driver)).length
  return 1 + others + used.length * coalitions
}

/** What went wrong with a rule is said beside it; whatever else goes wrong ends the command. */
async function attempt<T extends object>(make: () => Promise<T>): Promise<T | { failed: string }> {
  try {
    return await make()
  } catch (error) {
    return { failed: reasonOf(error) }
  }
}

/** @throws the error if it is not of a rule */
function reasonOf(error: unknown): string {
  if (!(error instanceof FedunifyError) || !OF_RULES.includes(error.code)) throw error
  // What comes before is the round and the rule, which its row has.
  return error.message.replace(/^(round \d+: )?merge [^:]*: /, '')
}

const OF_RULES = ['E_MERGE_RULE', 'E_MERGE_FAILED', 'E_DIVERGED']

/** A rule as it is asked for. */
export const askedRule = (choice: AnyChoice): AskedRule => ({ rule: choiceText(choice), choice })
