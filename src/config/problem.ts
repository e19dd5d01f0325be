import type { z } from 'zod'
import { FedunifyError } from '../errors.ts'
import { shellWord } from '../system/shell-word.ts'
import type { JsonSchema } from './json-schema.ts'
import { isMapping } from './mapping.ts'
import { meantKey, meantName } from './meant.ts'
import type { ChoiceKeys, OptionKey } from './parts/choice-keys.ts'
import { plain, show } from './show.ts'
import { REGISTRIES, type Vocabulary } from './vocabulary.ts'

type Issue = z.core.$ZodIssue

/**
 * One line for the first thing that is wrong: where, which key, what was expected, what was there.
 * @param written the key as it was written, if it was by another name
 * @param vocabulary what could have been written
 */
export function describeProblem(
  issue: Issue,
  where: (path: readonly PropertyKey[]) => string,
  written: (path: readonly PropertyKey[]) => string | undefined = () => undefined,
  { choices, options, json }: Omit<Vocabulary, 'schema'> = REGISTRIES,
): FedunifyError {
  const found = innermost(issue)
  if (found.code === 'unrecognized_keys') {
    const [key = ''] = found.keys
    const legal = legalKeys(found, json())
    const near = meantKey(key, legal)
    const inside = found.path.length > 0 ? ` in ${pathText(found.path)}` : ''
    const keys = legal.length === 0 ? 'it takes none' : `keys are ${legal.join(', ')}`
    const hint = near ? `did you mean ${near}?` : keys
    return new FedunifyError(
      'E_UNKNOWN_NAME',
      `${where([...found.path, key])}: unknown key ${show(key)}${inside}`,
      hint,
    )
  }
  const option = found.input === undefined ? optionAt(found.path, options) : undefined
  if (option) return missingOption(option, where(found.path))
  // A discriminated union reports the whole mapping: what was wrong in it is the discriminator.
  const discriminator = found.code === 'invalid_union' && isMapping(found.input) ? found.path.at(-1) : undefined
  const value = discriminator === undefined ? found.input : (found.input as Record<PropertyKey, unknown>)[discriminator]
  const { expected, legal } = expectation(found)
  const near = legal && typeof value === 'string' ? meantName(String(found.path[0]), value, legal) : undefined
  const quote = found.code === 'invalid_type' && found.expected === 'string' && typeof value === 'number'
  const percent =
    found.code === 'too_big' && found.maximum === 1 && typeof value === 'number' && value > 1 && value <= 100
  const fraction = percent ? `a fraction, not percent: ${Number((value / 100).toPrecision(12))}` : undefined
  const quoted = found.code === 'invalid_type' && typeof value === 'string' && /^(number|int)$/.test(found.expected)
  const unquoted =
    quoted && value.trim() !== '' && Number.isFinite(Number(value)) ? `without quotes: ${value}` : undefined
  const file = legal && typeof value === 'string' ? ownFile(found.path, choices) : undefined
  const hint = near ? `did you mean ${near}?` : quote ? `write it as text: "${value}"` : (fraction ?? unquoted ?? file)
  const got = value === undefined ? 'nothing' : show(value)
  return new FedunifyError(
    'E_CONFIG',
    `${named(where(found.path), written(found.path) ?? pathText(found.path))}: expected ${expected}, got ${got}`,
    hint,
  )
}

/** How a part that is none of the registry may be named, if one is what the value at a path names. */
function ownFile([key, ...within]: readonly PropertyKey[], choices: ChoiceKeys): string | undefined {
  const own = within.some((step) => typeof step === 'string') ? undefined : choices[String(key)]?.own
  return own && `${own.summary.replace(/:.*/, '')} goes by its file, as in --${String(key)} ${own.example}`
}

/** The option of a part that is at a path, in a list or not. */
const optionAt = (path: readonly PropertyKey[], options: readonly OptionKey[]) => {
  const long = path.filter((step) => typeof step === 'string').join('.')
  return options.find((option) => option.long === long)
}

/** A part that does not work without an option. */
function missingOption({ key, part, option, schema, long, short }: OptionKey, place: string): FedunifyError {
  const { description = option, examples = [] } = schema.meta() ?? {}
  // A rule of the user's own has none.
  const value = JSON.stringify((examples as unknown[])[0]) ?? 'VALUE'
  const example =
    short === undefined
      ? `--set ${quoted(`${long}=${value}`)}`
      : `--${short} ${/^[\w.-]*$/.test(value) ? value : `"${value}"`}`
  return new FedunifyError(
    'E_CONFIG',
    `${place}: ${key} ${part} needs ${option}: ${description}`,
    `for example ${example}`,
  )
}

const quoted = (text: string) => (text.includes('"') ? shellWord(text) : `"${text}"`)

/** A union reports every branch: take the one that the value comes nearest to, the one that looked deepest. */
function innermost(issue: Issue): Issue & { path: PropertyKey[] } {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue
  // A union that has words of its own says all its branches at once.
  if (issue.message !== 'Invalid input') return issue
  const branches = issue.errors.map(first)
  // What is wrong in a list or in a mapping says more than that it is no name.
  const within = branches.find(
    ({ code, path }) => path.length > 0 || (code !== 'invalid_value' && code !== 'invalid_type'),
  )
  const fits = within ?? branches.find(({ code }) => code === 'invalid_value') ?? branches[0]!
  return innermost({ ...fits, path: [...issue.path, ...fits.path] })
}

/** The issue to tell of: a mistyped key makes two, and the one that it is unknown says more than that it is missing. */
export function first(issues: readonly Issue[]): Issue {
  const unknown = issues.find(({ code }) => code === 'unrecognized_keys')
  return issues[0]!.input === undefined && unknown ? unknown : issues[0]!
}

/** The keys that the mapping in question may hold; among the kinds of layers or expectations, those of its kind. */
function legalKeys({ path, input }: Issue, whole: JsonSchema): string[] {
  const branches = (schema: JsonSchema): JsonSchema[] => [
    schema,
    ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((branch) => branches(branch)),
  ]
  let schemas = branches(whole)
  for (const key of path) {
    const inside = schemas.map((schema) => (typeof key === 'number' ? schema.items : schema.properties?.[String(key)]))
    schemas = inside.filter((schema) => typeof schema === 'object').flatMap((schema) => branches(schema as JsonSchema))
  }
  const given = isMapping(input) ? input : {}
  const fits = ({ properties = {} }: JsonSchema) =>
    ['type', 'metric'].every((key) => {
      const own = properties[key]
      return typeof own !== 'object' || own.const === undefined || own.const === given[key]
    })
  return schemas.filter(fits).flatMap(({ properties = {} }) => Object.keys(properties))
}

function expectation(issue: Issue): { expected: string; legal?: string[] } {
  switch (issue.code) {
    case 'invalid_value': {
      const legal = issue.values.map(String)
      return { expected: legal.length === 1 ? legal[0]! : `one of ${legal.join(', ')}`, legal }
    }
    case 'invalid_type':
      return { expected: article(issue.expected) }
    case 'too_small': {
      if (issue.origin === 'array') return { expected: `at least ${issue.minimum} in the list` }
      if (issue.origin === 'string') return { expected: 'text that is not empty' }
      return { expected: `a number ${issue.inclusive ? 'of at least' : 'above'} ${issue.minimum}` }
    }
    case 'too_big':
      if (issue.origin === 'array') return { expected: `at most ${issue.maximum} in the list` }
      return { expected: `a number ${issue.inclusive ? 'of at most' : 'below'} ${issue.maximum}` }
    case 'invalid_union': {
      const types = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : []
      return types.length > 0 ? { expected: `one of ${types.join(', ')}`, legal: types } : { expected: issue.message }
    }
    default:
      return { expected: issue.message.replace(/^expected /i, '') }
  }
}

const article = (type: string) =>
  ({
    int: 'a whole number',
    number: 'a number',
    string: 'text',
    boolean: 'true or false',
    array: 'a list',
    object: 'keys and values',
    record: 'keys and values',
  })[type] ?? type

/** The place, and the key if the place does not say it (a flag names itself). */
const named = (place: string, key: string) => (place.startsWith('--') ? place : `${place}: ${key}`)

const pathText = (path: readonly PropertyKey[]) => plain(path.map(String).join('.'))
