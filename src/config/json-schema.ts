import { z } from 'zod'
import { BatchSchema } from './batch-schema.ts'
import { ExperimentSchema } from './schema.ts'

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** The JSON Schema (draft 2020-12) of what may be written in an experiment: every key with its description. */
export function experimentJsonSchema(): JsonSchema & { properties: Record<string, JsonSchema> } {
  return toJsonSchema(ExperimentSchema)
}

/** The same for a whole file, which may hold the keys of a batch too: what editors check and complete with. */
export function fileJsonSchema(): JsonSchema {
  const { $schema, properties, ...rest } = experimentJsonSchema()
  const batch = toJsonSchema(BatchSchema).properties
  // zod leaves a matrix open, because its errors are better told one by one: an editor wants to know the keys.
  const { type, description, examples } = batch.matrix!
  const lists = Object.keys(properties).map((key) => [
    key,
    { type: 'array', minItems: 1, items: { $ref: `#/properties/${key}` } },
  ])
  const matrix = {
    description,
    examples,
    type,
    minProperties: 1,
    properties: Object.fromEntries(lists),
    additionalProperties: false,
  }
  return {
    $schema,
    title: 'fedunify experiment',
    description: 'What `fedunify run` and `fedunify batch` read.',
    ...rest,
    properties: { ...properties, ...batch, matrix },
  } as JsonSchema
}

/** The text of the shipped schema file. */
export const schemaText = (): string => `${JSON.stringify(fileJsonSchema(), null, 2)}\n`

function toJsonSchema(schema: z.ZodObject): JsonSchema & { properties: Record<string, JsonSchema> } {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override: adapt })
  return { ...json, properties: json.properties as Record<string, JsonSchema> }
}

/** What zod writes, as a person would: no bound that only says "safe integer", defaults and lists as files have them. */
function adapt({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: JsonSchema }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
  const { def } = zodSchema._zod
  // A list may be written as a word or as words with commas (see `list` in schema.ts).
  if (def.type === 'pipe' && def.in._zod.def.type === 'transform' && jsonSchema.type === 'array') {
    const { type, items, minItems, ...rest } = jsonSchema
    for (const key of Object.keys(jsonSchema)) delete jsonSchema[key]
    Object.assign(jsonSchema, rest, { anyOf: [{ type, items, minItems }, ...wordsOf(items as JsonSchema)] })
  }
  if (def.type === 'default') jsonSchema.default ??= def.defaultValue as JsonSchema['default']
}

function wordsOf({ enum: names = [] }: JsonSchema): JsonSchema[] {
  const name = `(${names.join('|')})`
  return [{ enum: names }, { type: 'string', pattern: `^${name}( *, *${name})+$` }]
}
