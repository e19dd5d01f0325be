import type { JsonSchema } from './json-schema.ts'

/** The names that a key takes, if it takes names; `list` if it takes several of them. */
export interface LegalNames {
  readonly names: readonly string[]
  readonly list: boolean
}

/** Names that the value of a key may be chosen from; undefined if it takes anything else alone. */
export function legalNames(schema: JsonSchema): LegalNames | undefined {
  if (schema.enum) return { names: schema.enum.map(String), list: false }
  const branches = schema.anyOf ?? []
  const items = branches.map(({ type, items }) => type === 'array' && legalNames(items as JsonSchema)).find(Boolean)
  if (items) return { names: items.names, list: true }
  return branches.map(legalNames).find((names) => names !== undefined)
}

/** Whether a value names a part: the mapping of its options goes by its name too. */
export const isChoice = ({ anyOf = [] }: JsonSchema): boolean => anyOf.some(({ maxProperties }) => maxProperties === 1)

/** What a value may be, in words: "V | H | labels", "a whole number of at least 1", "a number above 0". */
export function legalValues(schema: JsonSchema): string {
  const names = legalNames(schema)
  if (names?.list) return `one or a list of ${names.names.join(' | ')}`
  if (schema.enum) return schema.enum.map(String).join(' | ')
  if (isChoice(schema)) return names!.names.join(' | ')
  const branches = schema.anyOf ?? schema.oneOf
  if (branches) return [...new Set(branches.map(legalValues))].join(', or ')
  switch (schema.type) {
    case 'integer':
      return ['a whole number', range(schema)].filter(Boolean).join(' ')
    case 'number':
      return ['a number', range(schema)].filter(Boolean).join(' ')
    case 'string':
      return schema.const === undefined ? 'text' : String(schema.const)
    case 'boolean':
      return 'true | false'
    case 'array':
      return `a list, each ${legalItem(schema.items as JsonSchema)}`
    default:
      return Object.keys(schema.properties ?? {}).length > 0
        ? `{ ${Object.keys(schema.properties!).join(', ')} }`
        : 'keys and values'
  }
}

/** Kinds of mappings (layers, for example) go by the key that tells them apart. */
function legalItem(schema: JsonSchema): string {
  const kinds = (schema.oneOf ?? []).map(({ properties = {} }) => properties as Record<string, JsonSchema>)
  const apart = Object.keys(kinds[0] ?? {}).find((key) => kinds.every((kind) => kind[key]?.const !== undefined))
  return apart === undefined ? legalValues(schema) : `of ${apart} ${kinds.map((k) => k[apart]!.const).join(' | ')}`
}

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  if (minimum !== undefined && maximum !== undefined) return `from ${minimum} to ${maximum}`
  const bounds = [
    minimum !== undefined && `of at least ${minimum}`,
    exclusiveMinimum !== undefined && `above ${exclusiveMinimum}`,
    maximum !== undefined && `of at most ${maximum}`,
    exclusiveMaximum !== undefined && `below ${exclusiveMaximum}`,
  ]
  return bounds.filter(Boolean).join(' and ')
}
