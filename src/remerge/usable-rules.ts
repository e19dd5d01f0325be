import { lastOf } from '../algorithm/earlier-models.ts'
import { asksOf, assertRule, assertRuleFits, usesOf } from '../algorithm/merge/assert-rule.ts'
import type { MergedModel } from '../algorithm/merge/rule.ts'
import { FedunifyError } from '../errors.ts'
import { type AnyChoice, choiceText, nameOf } from '../parts.ts'
import { coalitionsOf, type Method, smallestCoalition } from './contributions.ts'
import type { KeptRound } from './merged.ts'

/** A rule that is to be scored, or why it cannot be. */
export interface AskedRule {
  /** On one line, as a command line takes it. */
  readonly rule: string
  readonly choice?: AnyChoice
  readonly reason?: string
}

export const askedRule = (choice: AnyChoice): AskedRule => ({ rule: choiceText(choice), choice })

export interface UsableRule extends AskedRule {
  /** Why it can merge all owners but not fewer, if that is asked. */
  readonly onlyWhole?: string
}

interface Asked {
  readonly driver: AnyChoice
  readonly rules: readonly AskedRule[]
  readonly methods: readonly Method[]
  readonly model: MergedModel
}

/** Rules that can be used on the owners of a round as they are, and the others with the reason. */
export const usableRules = (asked: Asked, round: KeptRound): UsableRule[] =>
  asked.rules.map((rule) => {
    const { choice } = rule
    if (choice === undefined) return rule
    const owners = round.owners.length
    const reason = refusalOf(() => {
      assertRule(choice, owners)
      assertRuleFits(choice, asked.model)
      assertTold(choice, round)
    })
    if (reason !== undefined) return { rule: rule.rule, reason }
    // A formula may hold where a rule is another one in disguise, but not where it is not defined.
    const onlyWhole = refusalOf(() => assertRule(choice, owners, smallestCoalition(owners, asked.methods)))
    return { ...rule, ...(onlyWhole !== undefined && { onlyWhole }) }
  })

/** How many models are evaluated for a round. */
export function evaluationsOf(asked: Asked, round: KeptRound): number {
  const used = usableRules(asked, round).filter(({ choice }) => choice !== undefined)
  const others = used.filter(({ rule }) => rule !== choiceText(asked.driver)).length
  const wide = used.filter(({ onlyWhole }) => onlyWhole === undefined).length
  return 1 + others + wide * coalitionsOf(round.owners.length, asked.methods)
}

/** @throws FedunifyError (usage) if a rule uses what there is not in that round */
function assertTold(choice: AnyChoice, { owners, received }: KeptRound): void {
  const uses = usesOf(choice)
  const refuse = (why: string) => new FedunifyError('E_MERGE_RULE', `merge ${nameOf(choice)}: ${why}`)
  if (lastOf(choice) !== undefined) throw refuse('it merges the unified models of several rounds')
  if (uses.includes('base') && !received) {
    throw refuse('it goes on from the model that all owners received, but each began with its own')
  }
  const silent = owners.find(({ trainLabels }) => trainLabels === undefined)
  if (uses.includes('labels') && silent) {
    throw refuse(`owner ${silent.owner} does not tell how many images of each class it has`)
  }
  if (uses.includes('steps') && owners.some(({ steps }) => steps === undefined)) {
    throw refuse('it needs to know how many steps each owner went')
  }
  const [asked] = asksOf(choice)
  if (asked) throw refuse(`it needs ${asked.statistic} of the owners' images, which a run does not keep`)
}

function refusalOf(call: () => void): string | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    return reasonOf(error)
  }
}

/** What is wrong with a rule, in words. @throws the error if it is of something else */
export function reasonOf(error: unknown): string {
  if (!(error instanceof FedunifyError) || !OF_RULES.includes(error.code)) throw error
  // What comes before is the round and the rule, which its row has.
  return error.message.replace(/^(round \d+: )?merge ([^:]*: |\S+ (?=made ))/, '')
}

const OF_RULES = ['E_MERGE_RULE', 'E_MERGE_FAILED', 'E_DIVERGED']
