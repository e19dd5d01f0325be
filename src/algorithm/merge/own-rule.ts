import { type AnyChoice, type Choice, nameOf } from '../../parts.ts'
import { MERGE_RULES } from './registry.ts'
import type { MergeRule } from './rule.ts'

/** A merge rule of the user's own: a file, not one of the registry. */
export interface OwnRule {
  /** The stem of the file's name, which names its series. */
  readonly name: string
  /** The file's name, without its folder: where it lies is nobody else's business, and changes no number. */
  readonly file: string
  /** Of the file, hexadecimal. */
  readonly sha256: string
  /** Undefined if it is only told of, as in the manifest of a run that is read: then its code is not run. */
  readonly loaded?: LoadedRule
}

interface LoadedRule {
  readonly rule: MergeRule
  /** What the file held. */
  readonly content: Uint8Array
}

/**
 * A choice carries its rule along, so that there is no table of rules beside the experiment. As a symbol is the key,
 * JSON and YAML leave it out.
 */
const OWN = Symbol('own rule')

/** A choice of a rule of the user's own: `{ name: options }`, if it has none too. */
export interface OwnChoice {
  readonly [name: string]: object
  readonly [OWN]?: OwnRule
}

/** A merge rule as an experiment holds it. */
export type MergeChoice = Choice<typeof MERGE_RULES> | OwnChoice

export const withOwnRule = (choice: AnyChoice, own: OwnRule): OwnChoice => ({
  ...(typeof choice === 'string' ? { [choice]: {} } : choice),
  [OWN]: own,
})

export const ownRuleOf = (choice: AnyChoice): OwnRule | undefined =>
  typeof choice === 'string' ? undefined : (choice as OwnChoice)[OWN]

/** The rules of the user's own among those that were chosen. */
export const ownRules = (choices: readonly AnyChoice[]): OwnRule[] =>
  choices.flatMap((choice) => ownRuleOf(choice) ?? [])

/** The rule that was chosen, of the registry or of the user's own; undefined if the code of that was not loaded. */
export function findRule(choice: AnyChoice): MergeRule | undefined {
  const own = ownRuleOf(choice)
  if (own) return own.loaded?.rule
  const name = nameOf(choice)
  const registry: Readonly<Record<string, MergeRule>> = MERGE_RULES
  return Object.hasOwn(registry, name) ? registry[name] : undefined
}

/** The rule that was chosen. */
export function mergeRule(choice: AnyChoice): MergeRule {
  const rule = findRule(choice)
  if (!rule) throw new Error(`the rule ${nameOf(choice)} was not loaded`)
  return rule
}

/** What a manifest says of them, by name. */
export type RuleFiles = Readonly<Record<string, Pick<OwnRule, 'file' | 'sha256'>>>

export const ruleFiles = (choices: readonly AnyChoice[]): RuleFiles =>
  Object.fromEntries(ownRules(choices).map(({ name, file, sha256 }) => [name, { file, sha256 }]))

/** Choices as a manifest has them, with what it says of their rules. */
export const withRuleFiles = <C extends AnyChoice>(choices: readonly C[], files: RuleFiles): (C | OwnChoice)[] =>
  choices.map((choice) => {
    const name = nameOf<AnyChoice>(choice)
    return Object.hasOwn(files, name) ? withOwnRule(choice, { name, ...files[name]! }) : choice
  })
