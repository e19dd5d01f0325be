import { BATCH_KEYS } from './batch-schema.ts'
import { type JsonSchema, toJsonSchema } from './json-schema.ts'
import { CHOICE_KEYS, type ChoiceKey, OPTION_KEYS, takesText } from './parts/choice-keys.ts'
import { ExperimentSchema, TEXT_KEYS } from './schema.ts'

const optionOf = (key: string) => OPTION_KEYS.find(({ long, short }) => key === long || key === short)

/** Whether a key takes any word: what is given for it is text, even if it looks like a number. */
export function isText(key: string): boolean {
  const option = optionOf(key)
  return option ? takesText(option.schema) : TEXT_KEYS.includes(key)
}

/** Whether several values may be given for a key on a command line, one for each run. */
export const isSwept = (key: string): boolean => !isText(key) && !BATCH_KEYS.includes(key)

/** Whether a key names several parts, with commas between them: `merge=avg,max` is one value. */
export const namesSeveral = (key: string): boolean =>
  Object.hasOwn(CHOICE_KEYS, key) && (CHOICE_KEYS as Readonly<Record<string, ChoiceKey>>)[key]!.list === true

/** Whether a value of a key may be a list; of a key that nobody knows it may. */
export function takesList(key: string): boolean {
  const shape: Readonly<Record<string, (typeof OPTION_KEYS)[number]['schema']>> = ExperimentSchema.shape
  const schema = optionOf(key)?.schema ?? (Object.hasOwn(shape, key) ? shape[key] : undefined)
  return schema === undefined || isList(toJsonSchema(schema))
}

const isList = ({ type, anyOf = [], oneOf = [] }: JsonSchema): boolean =>
  type === 'array' || [...anyOf, ...oneOf].some((branch) => isList(branch as JsonSchema))
