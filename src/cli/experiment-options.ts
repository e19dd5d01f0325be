import { type Command, Option } from 'commander'
import { z } from 'zod'
import { MERGE_RULES } from '../algorithm/merge/registry.ts'
import { KEY_GROUPS } from '../config/groups.ts'
import { EXPERIMENT_KEYS, ExperimentSchema } from '../config/schema.ts'
import { PARTITIONS } from '../data/partition/registry.ts'

type Key = (typeof EXPERIMENT_KEYS)[number]

/** A list of expectations belongs into a file: it has no flag. */
const FLAG_KEYS = EXPERIMENT_KEYS.filter((key) => key !== 'expect')

/** What a flag takes, for the help. */
function argument(key: Key): string {
  if (key === 'merge') return '<names>'
  if (key === 'data' || key === 'out') return '<dir>'
  const schema = z.toJSONSchema(ExperimentSchema.shape[key], { io: 'input', unrepresentable: 'any' })
  if (Array.isArray(schema.enum)) return `<${schema.enum.join('|')}>`
  return schema.type === 'integer' ? '<n>' : schema.type === 'number' ? '<x>' : '<value>'
}

/** Gives a command one flag for every key of an experiment, so that both are always called the same. */
export function addExperimentOptions(command: Command): void {
  const defaults = ExperimentSchema.parse({})
  for (const { title, keys } of KEY_GROUPS) {
    for (const key of FLAG_KEYS.filter((k) => keys.includes(k))) {
      const value = defaults[key]
      const text = typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : String(value)
      const shown = value === undefined ? '' : ` (default: ${text})`
      const description = `${ExperimentSchema.shape[key].description}${shown}`
      command.addOption(new Option(`--${key} ${argument(key)}`, description).helpGroup(`${title}:`))
    }
  }
}

/** Gathers the values of an option that may be repeated, such as --set. */
export const repeated = (value: string, before: string[] = []): string[] => [...before, value]

/** The given flags by key, from what commander has parsed (it camel-cases names). */
export function experimentFlags(options: Readonly<Record<string, unknown>>): Record<string, string> {
  const given = FLAG_KEYS.map((key) => [key, options[camelCase(key)]] as const)
  return Object.fromEntries(
    given.filter((pair): pair is [(typeof FLAG_KEYS)[number], string] => typeof pair[1] === 'string'),
  )
}

const camelCase = (key: string) => key.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

const listing = (entries: Readonly<Record<string, { readonly summary: string; readonly source: string }>>) =>
  Object.entries(entries)
    .map(([name, { summary, source }]) => `  ${name.padEnd(15)} ${summary}\n${' '.repeat(18)}${source}`)
    .join('\n')

/** The names that --env and --merge take, each with its source, below the options. */
export const NAMES_HELP = `
Partitions (--env):
${listing(PARTITIONS)}

Merge rules (--merge):
${listing(MERGE_RULES)}
`
