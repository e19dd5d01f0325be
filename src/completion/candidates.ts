import type { Argument, Command, Option } from 'commander'
import { ALL_ATTACKS } from '../audit/chosen-attacks.ts'
import { AUDIT_ATTACKS } from '../audit/registry.ts'
import { experimentJsonSchema } from '../config/json-schema.ts'
import { type LegalNames, legalNames } from '../config/legal.ts'
import { NAMED_KEYS, OPTION_KEYS } from '../config/parts/choice-keys.ts'
import { fieldNames } from '../ls/fields.ts'
import { PAPER } from '../paper/tables.ts'
import type { Parts } from '../parts.ts'
import { ALL_RULES } from '../remerge/asked-rules.ts'
import { SINKS } from '../report/sinks/registry.ts'
import { LATEST } from '../runs/latest.ts'
import type { Candidate } from './candidate.ts'
import { listFiles } from './files.ts'
import { follow, optionOf, type Position } from './words.ts'

/**
 * What the last of `words` may become. Commands and options are asked of commander, so that none is forgotten; names
 * that an option takes come from its choices, or from the schema of experiments where it is one of their keys.
 * @param words what is behind the program's name, up to the cursor; the last may be empty
 */
export async function candidates(program: Command, words: readonly string[]): Promise<Candidate[]> {
  const current = words.at(-1) ?? ''
  const position = follow(program, words.slice(0, -1))
  const all = await offered(position, current)
  return all.filter(({ value }) => value.startsWith(current))
}

async function offered(position: Position, current: string): Promise<Candidate[]> {
  const { command, pending, count, literal, help } = position
  if (pending) return await valuesOf(pending, current)
  if (!literal && current.startsWith('-')) return await options(position, current)
  if (help || (command.commands.length > 0 && count === 0)) return commands(command)
  const argument = argumentAt(command, count)
  return argument ? await argumentValues(argument, current) : await options(position, current)
}

const commands = (command: Command): Candidate[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .map((inner) => ({ value: inner.name(), description: inner.summary() || inner.description() }))

async function options({ command, given }: Position, current: string): Promise<Candidate[]> {
  const [, name, value] = /^(--[^=]+)=(.*)$/s.exec(current) ?? []
  const inline = name === undefined ? undefined : optionOf(command, name)
  if (inline) return prefixed(`${name}=`, await valuesOf(inline, value!))
  return command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => option.long && (!given.has(option) || option.variadic || option.parseArg))
    .map((option) => ({ value: option.long!, description: option.description }))
}

/** The argument that comes after `count` others; the last may take any number. */
function argumentAt(command: Command, count: number): Argument | undefined {
  const last = command.registeredArguments.at(-1)
  return command.registeredArguments[count] ?? (last?.variadic ? last : undefined)
}

async function argumentValues(argument: Argument, current: string): Promise<Candidate[]> {
  if (argument.argChoices) return plain(argument.argChoices)
  const name = argument.name()
  if (/^(experiment|globs|file)/.test(name)) return await listFiles(current, /\.ya?ml$/)
  if (/^dir/.test(name)) return await listFiles(current)
  if (/^model/.test(name)) return await listFiles(current, /\.(safetensors|json)$/)
  if (name === 'name') return []
  if (name === 'run') return [...plain([LATEST]), ...(await listFiles(current))]
  const files = await listFiles(current, /./)
  return name === 'sides' ? [...plain([PAPER]), ...files] : files
}

async function valuesOf(option: Option, current: string): Promise<Candidate[]> {
  if (option.argChoices) return plain(option.argChoices)
  const [, placeholder = ''] = /[<[]([^>\]]+)[>\]]/.exec(option.flags) ?? []
  if (placeholder === 'key=value') return await settings(current)
  if (placeholder === 'condition') return plain(fieldNames([]).map((name) => `${name}=`))
  if (option.long === '--sort') return plain(fieldNames([]).flatMap((name) => [name, `-${name}`]))
  if (/^dir/.test(placeholder)) return await listFiles(current)
  if (/^file/.test(placeholder)) return await listFiles(current, /./)
  if (placeholder === 'attacks') {
    return await names(placeholder, { names: [ALL_ATTACKS, ...Object.keys(AUDIT_ATTACKS)], list: true }, current)
  }
  if (option.long === '--round') return plain(['last', 'all'])
  const key = option.long?.slice(2) ?? ''
  // As merge rules are named, and one word for all of them.
  if (key === 'rules')
    return await names('merge', withAll(legalNames(experimentJsonSchema().properties.merge!)), current)
  if (key === 'sink') return names(key, { names: Object.keys(SINKS), list: true }, current)
  const { properties } = experimentJsonSchema()
  if (key === 'rule') return await names('merge', legalNames(properties.merge!), current)
  const schema = properties[key]
  return await names(key, schema && legalNames(schema), current)
}

/** For --set: keys and options of parts, then the names that the key takes. */
async function settings(current: string): Promise<Candidate[]> {
  const { properties } = experimentJsonSchema()
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(current) ?? []
  if (key === undefined) {
    const options = OPTION_KEYS.map(({ long, schema }) => [long, { description: schema.description }] as const)
    return [...Object.entries(properties), ...options].map(([name, { description = '' }]) => {
      return { value: `${name}=`, description }
    })
  }
  const schema = properties[key]
  return prefixed(`${key}=`, await names(key, schema && legalNames(schema), value!))
}

/**
 * Of a list "avg,max", the last name is the one to complete, and no name comes twice. What begins as a path does may
 * become a file, if the key takes files.
 */
async function names(key: string, legal: LegalNames | undefined, current: string): Promise<Candidate[]> {
  const named = (name: string) => ({ value: name, description: summaryOf(key, name) })
  const all = (legal?.names ?? []).map(named)
  if (!legal?.list) return all
  const before = current.split(',').slice(0, -1)
  const last = current.split(',').at(-1)!
  const used = before.map((item) => item.split(':')[0])
  const rest = all.filter(({ value }) => !used.includes(value))
  const files = NAMED_KEYS[key]?.own && /^\.{0,2}\//.test(last) ? await listFiles(last, /\.m?js$/) : []
  return prefixed(before.map((name) => `${name},`).join(''), [...rest, ...files])
}

const withAll = (legal: LegalNames | undefined): LegalNames => ({
  names: [ALL_RULES, ...(legal?.names ?? [])],
  list: true,
})

function summaryOf(key: string, name: string): string {
  const parts: Parts | undefined = { sink: SINKS, attacks: AUDIT_ATTACKS }[key] ?? NAMED_KEYS[key]?.parts
  return parts?.[name]?.summary ?? ''
}

const plain = (values: readonly string[]): Candidate[] => values.map((value) => ({ value, description: '' }))

const prefixed = (prefix: string, values: readonly Candidate[]): Candidate[] =>
  values.map(({ value, description }) => ({ value: prefix + value, description }))
