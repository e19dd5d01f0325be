import { stringify } from 'yaml'
import { FedunifyError } from '../errors.ts'
import { shellWord } from '../system/shell-word.ts'
import { oneLine } from '../visible.ts'
import { BATCH_KEYS } from './batch-schema.ts'
import { CONFIG_FORMAT, FORMAT_KEY } from './config-format.ts'
import { KEY_GROUPS } from './groups.ts'
import { experimentJsonSchema, fileJsonSchema, type JsonSchema, optionJsonSchema } from './json-schema.ts'
import { legalValues } from './legal.ts'
import { CHOICE_KEYS, NAMED_KEYS, OPTION_KEYS } from './parts/choice-keys.ts'
import { resolveExperiment } from './resolve.ts'
import { type EXPERIMENT_KEYS, ExperimentSchema } from './schema.ts'

type Key = (typeof EXPERIMENT_KEYS)[number]

/** What people set first; every other key is there, commented out. */
const COMMON: readonly Key[] = ['env', 'model', 'batch', 'optimizer', 'lr', 'merge', 'rounds', 'seed']

const WIDTH = 118

/**
 * A new experiment file: every key with what it means and what it may be. The common ones are set to their defaults,
 * the others are behind a # that can be taken away.
 * @param file its name, for the commands in its head
 * @param schema where the JSON Schema is, as seen from the file
 */
export function experimentTemplate(file: string, schema: string): string {
  const named = oneLine(shellWord(file))
  const head = [
    `# yaml-language-server: $schema=${schema}`,
    '#',
    '# An experiment: every key that it may have, with its default or an example.',
    `#   fedunify run ${named} --dry-run    says what it would do`,
    `#   fedunify run ${named}              does it`,
    '# To set a key, take away the # before it. Lines that begin with "# " explain.',
    '',
    '# The format of this file, by which every later fedunify knows how to read it.',
    toLine(FORMAT_KEY, CONFIG_FORMAT),
  ]
  const { properties } = experimentJsonSchema()
  const groups = KEY_GROUPS.flatMap(({ title, keys }) => [
    heading(title),
    '',
    ...keys.flatMap((key) => [...explain(key, properties[key]!), ...setting(key, properties[key]!), '']),
  ])
  return `${[...head, '', ...groups, ...batch(file)].join('\n')}\n`
}

/** `# ---- title ----…` */
const heading = (title: string) => `# ---- ${title} `.padEnd(WIDTH, '-')

function explain(key: Key, schema: JsonSchema): string[] {
  const named = NAMED_KEYS[key]
  const parts = named ? partLines(key, named) : []
  const values = key in CHOICE_KEYS ? [] : wrap(legalValues(schema), '#   ')
  return [...wrap(schema.description ?? key), ...parts, ...values]
}

/** Every part with its options, and how one that has some is written. */
function partLines(key: string, { parts, list = false, own }: (typeof NAMED_KEYS)[string]): string[] {
  const wide = Math.max(...Object.keys(parts).map((name) => name.length))
  const lines = Object.entries(parts).flatMap(([name, { summary }]) => {
    const options = OPTION_KEYS.filter((own) => own.key === key && own.part === name).map(({ option, schema }) => {
      const { description, default: value, examples, ...json } = optionJsonSchema(schema)
      return { option, value: value ?? examples?.[0], text: `${option}: ${description}; ${legalValues(json)}` }
    })
    const chosen = { [name]: Object.fromEntries(options.map(({ option, value }) => [option, value])) }
    const example = toLine(key, list ? [chosen] : chosen)
    return [
      `#   ${name.padEnd(wide)}  ${summary}`,
      ...options.flatMap(({ text }) => wrap(text, `#   ${' '.repeat(wide)}  `)),
      ...(options.length > 0 ? [`#   ${' '.repeat(wide)}  ${example}`] : []),
    ]
  })
  return own ? [...lines, `#   ${own.example.padEnd(wide)}  ${own.summary}`] : lines
}

function setting(key: Key, schema: JsonSchema): string[] {
  const value = ExperimentSchema.parse({})[key] ?? schema.examples?.[0]
  if (value === undefined) return []
  const line = toLine(key, value)
  if (COMMON.includes(key)) return [line]
  // Some keys belong to a value of another one, and alone would be an error: then the comment says with which.
  const refusal = refused(key, value)
  return refusal === undefined ? [`#${line}`] : wrap(`Not alone: ${refusal}. For example, with it: ${line}`)
}

/** Why a key cannot be set in a file that is otherwise the template. */
function refused(key: Key, value: unknown): string | undefined {
  try {
    resolveExperiment([{ kind: 'file', values: { [key]: value }, where: () => key }])
    return undefined
  } catch (error) {
    if (error instanceof FedunifyError) return error.message.replace(`${key}: `, '')
    throw error
  }
}

function batch(file: string): string[] {
  const properties = fileJsonSchema().properties as Record<string, JsonSchema>
  return [
    heading('Several runs'),
    `# With one of these, the file is run by  fedunify batch ${oneLine(shellWord(file))}`,
    ...BATCH_KEYS.flatMap((key) => {
      const { description = key, examples = [] } = properties[key]!
      return ['', ...wrap(description), `#${toLine(key, examples[0])}`]
    }),
  ]
}

/** One line of YAML, lists and mappings in brackets. */
const toLine = (key: string, value: unknown): string =>
  `${key}: ${stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim()}`
    .replace(/\[ /g, '[')
    .replace(/ \]/g, ']')

/** Comment lines of at most WIDTH characters. */
function wrap(text: string, indent = '# '): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > WIDTH) lines.push(indent + word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}
