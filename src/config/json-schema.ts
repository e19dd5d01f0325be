import { z } from 'zod'
import { BatchSchema } from './batch-schema.ts'
import { CONFIG_FORMAT, FORMAT_KEY } from './config-format.ts'
import { CHOICE_KEYS, type ChoiceKey, OPTION_KEYS, SHORT_KEYS } from './parts/choice-keys.ts'
import { ExperimentSchema } from './schema.ts'

export type JsonSchema = z.core.JSONSchema.BaseSchema

type Properties = Record<string, JsonSchema>

/**
 * The JSON Schema (draft 2020-12) of what may be written in an experiment: every key with its description, and behind
 * them those of options that have a key of their own.
 */
export function experimentJsonSchema(schema = ExperimentSchema): JsonSchema & { properties: Properties } {
  const json = toJsonSchema(schema)
  const short = SHORT_KEYS.map(({ short, key, part, schema }): [string, JsonSchema] => {
    const { description, ...rest } = optionJsonSchema(schema)
    return [short, { ...rest, description: `for ${key} ${part}: ${description}` }]
  })
  const chosen = Object.entries(CHOICE_KEYS).map(([key, choice]) => [key, withWords(choice, json.properties[key]!)])
  return { ...json, properties: { ...json.properties, ...Object.fromEntries([...chosen, ...short]) } }
}

/** The same for a whole file, which may hold the keys of a batch too: what editors check and complete with. */
export function fileJsonSchema(): JsonSchema {
  const { $schema, properties, ...rest } = experimentJsonSchema()
  const batch = toJsonSchema(BatchSchema).properties!
  // zod leaves a matrix open, because its errors are better told one by one: an editor wants to know the keys.
  const { type, description, examples } = batch.matrix!
  const listOf = (items: JsonSchema) => ({ type: 'array', minItems: 1, items })
  const lists = Object.keys(properties).map((key) => [key, listOf({ $ref: `#/properties/${key}` })])
  const options = OPTION_KEYS.map(({ long, schema }) => [long, listOf(optionJsonSchema(schema))])
  const matrix = {
    description,
    examples,
    type,
    minProperties: 1,
    properties: Object.fromEntries([...lists, ...options]),
    additionalProperties: false,
  }
  const singles = Object.keys(properties).map((key) => [key, { $ref: `#/properties/${key}` }])
  const variants = {
    ...(batch.variants as object),
    additionalProperties: {
      type: 'object',
      properties: Object.fromEntries([
        ...singles,
        ...OPTION_KEYS.map(({ long, schema }) => [long, optionJsonSchema(schema)]),
      ]),
      additionalProperties: false,
    },
  }
  return {
    $schema,
    title: 'fedunify experiment',
    description: 'What `fedunify run` and `fedunify batch` read.',
    ...rest,
    properties: { [FORMAT_KEY]: FORMAT, ...properties, ...batch, matrix, variants },
    // What an editor wants in a JSON file is no key to complete.
    patternProperties: { '^\\$schema$': { type: 'string' } },
  } as JsonSchema
}

const FORMAT: JsonSchema = {
  description: 'format of this file: how fedunify is to read it',
  default: CONFIG_FORMAT,
  type: 'integer',
  minimum: 1,
  maximum: CONFIG_FORMAT,
}

/** Of one option of a part. */
export function optionJsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...json } = toJsonSchema(schema)
  return json
}

/** The text of the shipped schema file. */
export const schemaText = (): string => `${JSON.stringify(fileJsonSchema(), null, 2)}\n`

/** Of any schema, as a person would write it. */
export const toJsonSchema = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override: adapt }) as JsonSchema & {
    properties: Properties
  }

/** What zod writes, as a person would: no bound that only says "safe integer", defaults and lists as files have them. */
function adapt({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: JsonSchema }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
  delete jsonSchema.short
  // zod leaves them out where a value is read into another form.
  const examples = z.globalRegistry.get(zodSchema)?.examples
  if (Array.isArray(examples)) jsonSchema.examples ??= examples
  const { def } = zodSchema._zod
  if (def.type === 'default') jsonSchema.default ??= def.defaultValue as JsonSchema['default']
}

/** A part of the user's own goes by its file. */
const OWN_FILE = '[^:,]+\\.m?js'

/** What names parts may be one word: `dirichlet:alpha=0.3`, and of several `avg,max` (see chosen-parts.ts). */
function withWords({ parts, list = false, own }: ChoiceKey, schema: JsonSchema): JsonSchema {
  const names = Object.keys(parts)
  const word = `(${[...names, ...(own ? [OWN_FILE] : [])].join('|')})(:[\\w-]+=[^:]+)*`
  const files = own && { patternProperties: { [`^${OWN_FILE}$`]: { type: 'object', description: own.summary } } }
  const worded = (named: JsonSchema) => {
    const [name, mapping] = named.anyOf!
    const words = { type: 'string', pattern: `^${word}$` } as const
    return { ...named, anyOf: [name!, words, { ...mapping!, ...files } as JsonSchema] } satisfies JsonSchema
  }
  if (!list) return worded(schema)
  const { type, items, minItems, ...rest } = schema as JsonSchema & { items: JsonSchema }
  const words: JsonSchema[] = [{ enum: names }, { type: 'string', pattern: `^${word}( *, *${word})*$` }]
  return { ...rest, anyOf: [{ type, items: worded(items), minItems } as JsonSchema, ...words] }
}
