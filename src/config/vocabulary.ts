import { MERGE_RULES } from '../algorithm/merge/registry.ts'
import type { Parts } from '../parts.ts'
import { experimentJsonSchema, type JsonSchema } from './json-schema.ts'
import { CHOICE_KEYS, type ChoiceKeys, OPTION_KEYS, type OptionKey, optionKeys } from './parts/choice-keys.ts'
import { ExperimentSchema, schemaWith } from './schema.ts'

/** What an experiment may choose from: the parts of the registries and, among the merge rules, the user's own. */
export interface Vocabulary {
  readonly choices: ChoiceKeys
  readonly options: readonly OptionKey[]
  readonly schema: typeof ExperimentSchema
  /** Of the schema. */
  json(): JsonSchema
}

/** The registries alone. */
export const REGISTRIES: Vocabulary = {
  choices: CHOICE_KEYS,
  options: OPTION_KEYS,
  schema: ExperimentSchema,
  json: experimentJsonSchema,
}

/** The registries and merge rules of the user's own. */
export function withRules(own: Parts): Vocabulary {
  if (Object.keys(own).length === 0) return REGISTRIES
  const parts: Parts = { ...MERGE_RULES, ...own }
  const choices = { ...CHOICE_KEYS, merge: { ...CHOICE_KEYS.merge, parts } }
  // Options of the user's own have no flag, and no key of their own.
  const options = optionKeys(choices).map((option) =>
    option.key === 'merge' && Object.hasOwn(own, option.part) ? { ...option, short: undefined } : option,
  )
  const schema = schemaWith(parts)
  return { choices, options, schema, json: () => experimentJsonSchema(schema) }
}
