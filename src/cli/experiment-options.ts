import { type Command, Option } from 'commander'
import { KEY_GROUPS } from '../config/groups.ts'
import { experimentJsonSchema, type JsonSchema, optionJsonSchema } from '../config/json-schema.ts'
import { isChoice, legalNames, legalValues } from '../config/legal.ts'
import { CHOICE_KEYS, NAMED_KEYS, type OwnParts, SHORT_KEYS } from '../config/parts/choice-keys.ts'
import { ExperimentSchema, WRITTEN_KEYS } from '../config/schema.ts'
import type { Part, Parts } from '../parts.ts'

/** A list of expectations belongs into a file: it has no flag. */
const FLAG_KEYS = WRITTEN_KEYS.filter((key) => key !== 'expect')

/** Characters of names beside a flag; if there are more, the list below has them. */
const MOST_NAMES = 50

/** What a flag takes, for the help. */
function argument(key: string, schema: JsonSchema): string {
  if (key === 'data' || key === 'out') return '<dir>'
  const names = legalNames(schema)
  if (names?.list) return '<names>'
  if (names && (schema.enum || key in CHOICE_KEYS)) {
    const all = names.names.join('|')
    return all.length > MOST_NAMES ? '<name>' : `<${all}>`
  }
  return schema.type === 'integer' ? '<n>' : schema.type === 'number' ? '<x>' : '<value>'
}

/**
 * Gives a command one flag for every key of an experiment, so that both are always called the same; behind the key of
 * a part those of its options that have one.
 */
export function addExperimentOptions(command: Command): void {
  const { properties } = experimentJsonSchema()
  const defaults = ExperimentSchema.parse({})
  for (const { title, keys } of KEY_GROUPS) {
    const own = keys.flatMap((key) => [key, ...SHORT_KEYS.filter((s) => s.key === key).map(({ short }) => short)])
    for (const key of own.filter((k) => FLAG_KEYS.includes(k))) {
      const description = describe(key, properties[key]!, defaults)
      command.addOption(new Option(`--${key} ${argument(key, properties[key]!)}`, description).helpGroup(`${title}:`))
    }
  }
}

/** The description of a key, and the default that it has. */
function describe(key: string, schema: JsonSchema, defaults: Readonly<Record<string, unknown>>): string {
  const chosen = key in CHOICE_KEYS ? CHOICE_KEYS[key as keyof typeof CHOICE_KEYS].default : undefined
  const value = defaults[key] ?? schema.default ?? chosen
  if (value === undefined) return schema.description ?? ''
  const text = typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : String(value)
  return `${schema.description} (default: ${text})`
}

export const SET_HELP = 'set any key of the experiment; may be repeated; key=a,b: a run for each value'

/** For commands that do several runs. */
export const addSeedsOption = (command: Command): Command =>
  command.option('--seeds <n>', 'so many seeds of each run, from --seed on')

/** Gathers the values of an option that may be repeated, such as --set. */
export const repeated = (value: string, before: string[] = []): string[] => [...before, value]

/** The given flags by key, from what commander has parsed (it camel-cases names). */
export function experimentFlags(options: Readonly<Record<string, unknown>>): Record<string, string> {
  const given = [...FLAG_KEYS, 'seeds'].map((key) => [key, options[camelCase(key)]] as const)
  return Object.fromEntries(given.filter((pair): pair is [string, string] => typeof pair[1] === 'string'))
}

const camelCase = (key: string) => key.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Of the longest name of what an experiment chooses. */
const WIDE = 16

/** The names that a flag takes, each with its source and its options. */
export function namesOf(key: string, parts: Parts, own?: OwnParts): string {
  const wide = Math.max(WIDE, ...Object.keys(parts).map((name) => name.length))
  const indent = ' '.repeat(wide + 3)
  const entries = Object.entries(parts).flatMap(([name, { summary, source }]) => [
    `  ${name.padEnd(wide)} ${summary}`,
    indent + source,
    ...optionLines(parts[name]!).map((line) => indent + line),
  ])
  const more = own ? [`  ${own.example.padEnd(wide)} ${own.summary}`] : []
  return `Names for --${key}:\n${[...entries, ...more].join('\n')}\n`
}

/** A line for each option: its name, what it takes and what that means. */
const optionLines = ({ options }: Part) =>
  Object.entries(options.shape).map(([option, schema]) => {
    const json = optionJsonSchema(schema)
    const value = json.default === undefined ? '' : `, default ${JSON.stringify(json.default)}`
    const legal = isChoice(json) ? 'a name above' : legalValues(json)
    return `${option}: ${json.description} (${legal}${value})`
  })

/**
 * The names that keys of parts take, each with its source and its options, below the options. Made where it is read:
 * schemas of all options take longer than any other part of the start.
 */
export const namesHelp = (): string => `
${Object.entries(NAMED_KEYS)
  .map(([key, { parts, own }]) => namesOf(key, parts, own))
  .join('\n')}
Write an option after the name that it belongs to, as in --optimizer momentum:momentum=0.5, or set it by itself, as in
--set optimizer.momentum.momentum=0.5. Some options also have a flag of their own, above.
`
