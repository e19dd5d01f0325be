import { FedunifyError, nearest } from '../../errors.ts'
import { isMapping } from '../mapping.ts'
import { plain, show } from '../show.ts'
import type { Origin, Source } from '../source.ts'
import { items } from './choice.ts'
import type { ChoiceKey, OptionKey } from './choice-keys.ts'
import { readPart } from './read-part.ts'

/** An option of a part as a source gives it; undefined takes it back. */
interface GivenOption {
  readonly part: string
  readonly option: string
  readonly value: unknown
  readonly source: Source
  /** The key that it was written as. */
  readonly key: string
  place(rest: readonly PropertyKey[]): string
}

/** A part that was chosen. */
interface Entry {
  /** Undefined if what was written names no part: then the schema says what is wrong with it. */
  readonly name: string | undefined
  readonly written: unknown
  readonly options: ReadonlyMap<string, GivenOption>
  /** Undefined if it is the default. */
  readonly origin: Origin | undefined
}

/** The parts of one key that sources choose together. */
export interface ChosenParts {
  /** For the schema; undefined if nothing is given. */
  readonly value: unknown
  origin(path: readonly PropertyKey[]): Origin | undefined
  isGiven(path: readonly PropertyKey[]): boolean
}

/** @throws FedunifyError (usage) as `settle` does */
export function chosenParts(
  key: string,
  choice: ChoiceKey,
  all: readonly OptionKey[],
  sources: readonly Source[],
): ChosenParts {
  const { list = false } = choice
  const defaults: Entry[] = [{ name: choice.default, written: undefined, options: new Map(), origin: undefined }]
  let entries = defaults
  let chooser: Source | undefined
  // Options of parts that are not chosen yet: a later source may choose them.
  let loose: GivenOption[] = []
  for (const source of sources) {
    if (Object.hasOwn(source.values, key)) {
      const value = source.values[key]
      chooser = value === undefined ? undefined : source
      entries = value === undefined ? defaults : joined(entries, readEntries(key, choice, source))
    }
    for (const option of readOptions(key, choice, all, source)) {
      const same = (other: GivenOption) => other.part === option.part && other.option === option.option
      loose = loose.filter((other) => !same(other))
      if (option.value !== undefined) loose.push(option)
      else entries = entries.map((entry) => without(entry, option))
    }
    for (const option of loose) {
      entries = entries.map((entry) => (entry.name === option.part ? add(entry, option, source) : entry))
    }
    loose = loose.filter(({ part }) => entries.every(({ name }) => name !== part))
  }
  // A name that is none is wrong in itself, and what it was meant to be may have the option.
  if (loose[0] && entries.every(({ name }) => name !== undefined)) throw notChosen(loose[0], key, list, entries)

  const isGiven = chooser !== undefined || entries.some(({ options }) => options.size > 0)
  const values = entries.map(({ name, written, options }) =>
    name === undefined ? written : { [name]: Object.fromEntries([...options].map(([o, { value }]) => [o, value])) },
  )
  const inEntries = (path: readonly PropertyKey[]) => {
    const [at, name, option, ...rest] = list ? path.slice(1) : [0, ...path.slice(1)]
    const entry = entries[Number(at)]
    const found = entry && entry.name === name && option !== undefined ? entry.options.get(String(option)) : undefined
    return { entry, found, rest }
  }
  return {
    value: isGiven ? (list ? values : values[0]) : undefined,
    isGiven: (path) => (path.length === 1 ? chooser !== undefined : inEntries(path).found !== undefined),
    origin(path) {
      const { entry, found, rest } = inEntries(path)
      if (found) return { source: found.source, place: found.place(rest), key: [found.key, ...rest].join('.') }
      const origin = path.length > 1 ? entry?.origin : undefined
      const key = path.map(String).join('.')
      return origin ? { ...origin, key } : chooser && { source: chooser, place: chooser.where(path), key }
    },
  }
}

/** Entries of a later source over earlier ones: of the same part, options are joined. */
function joined(earlier: readonly Entry[], later: readonly Entry[]): Entry[] {
  return later.map((entry) => {
    const before = earlier.find(({ name }) => name !== undefined && name === entry.name)
    return { ...entry, options: new Map([...(before?.options ?? []), ...entry.options]) }
  })
}

function without(entry: Entry, { part, option }: GivenOption): Entry {
  if (entry.name !== part) return entry
  return { ...entry, options: new Map([...entry.options].filter(([name]) => name !== option)) }
}

/** @param source the one that is being read: what it gives itself counts more than what an earlier one gave */
function add(entry: Entry, option: GivenOption, source: Source): Entry {
  const before = entry.options.get(option.option)
  if (before?.source === source && option.source !== source) return entry
  if (before?.source === option.source) {
    const message = `${option.place([])}: ${option.key} is given twice, as ${before.key} too`
    throw new FedunifyError('E_CONFLICT', message, 'keep one of the two')
  }
  return { ...entry, options: new Map([...entry.options, [option.option, option]]) }
}

/** What a source names under the key. */
function readEntries(key: string, { parts, list = false }: ChoiceKey, source: Source): Entry[] {
  const value = source.values[key]
  const isList = list && Array.isArray(value)
  const all = list ? (items(value) ?? [value]) : [value]
  return all.map((written, i) => {
    const path = isList ? [key, i] : [key]
    const place = source.where(path)
    const origin = { source, place, key: path.join('.') }
    const read = readPart(parts, written, place)
    const given = Object.entries(read?.options ?? {}).map(([option, of]): [string, GivenOption] => {
      const long = `${key}.${read!.name}.${option}`
      const where = (rest: readonly PropertyKey[]) =>
        typeof written === 'string'
          ? textPlace(source, path, option)
          : source.where([...path, read!.name, option, ...rest])
      return [option, { part: read!.name, option, value: of, source, key: long, place: where }]
    })
    return { name: read?.name, written, options: new Map(given), origin }
  })
}

/** A file has a line for it; a flag is told apart from its options. */
const textPlace = (source: Source, path: readonly PropertyKey[], option: string) =>
  source.kind === 'file' ? source.where(path) : `${source.where(path)}: ${option}`

/** Options that a source gives by a key of their own, long (`env.dirichlet.alpha`) or short (`alpha`). */
function readOptions(key: string, choice: ChoiceKey, all: readonly OptionKey[], source: Source): GivenOption[] {
  return Object.entries(source.values).flatMap(([written, value]): GivenOption[] => {
    const place = (rest: readonly PropertyKey[]) => source.where([written, ...rest])
    const own = all.find(({ short, long, key: of }) => of === key && (written === short || written === long))
    if (own) return [{ part: own.part, option: own.option, value, source, key: written, place }]
    if (!written.startsWith(`${key}.`)) return []
    const [part = '', option, ...deeper] = written.slice(key.length + 1).split('.')
    const legal = Object.keys(choice.parts)
    if (!legal.includes(part)) throw unknown(place([]), part, key, legal)
    if (deeper.length > 0) {
      throw new FedunifyError(
        'E_CONFIG',
        `${place([])}: no key reaches that deep`,
        `set ${key}.${part}.${option} as a whole`,
      )
    }
    const names = Object.keys(choice.parts[part]!.options.shape)
    if (option !== undefined && !names.includes(option)) throw unknown(place([]), option, `${key}.${part}`, names)
    if (option !== undefined) return [{ part, option, value, source, key: written, place }]
    if (value !== undefined && !isMapping(value)) {
      const message = `${place([])}: expected keys and values, got ${show(value)}`
      throw new FedunifyError('E_CONFIG', message, `${part} takes options: ${names.join(', ') || 'none'}`)
    }
    const options = value ?? Object.fromEntries(names.map((name) => [name, undefined]))
    return Object.entries(options).map(([name, of]) => ({ part, option: name, value: of, source, key: written, place }))
  })
}

function unknown(place: string, got: string, key: string, legal: readonly string[]): FedunifyError {
  const near = nearest(got, legal)
  const hint = near ? `did you mean ${near}?` : `expected one of ${legal.join(', ')}`
  return new FedunifyError('E_UNKNOWN_NAME', `${place}: unknown key ${show(got)} in ${key}`, hint)
}

function notChosen(
  { part, place, key: written, source }: GivenOption,
  key: string,
  list: boolean,
  entries: readonly Entry[],
): FedunifyError {
  const inFile = list ? `add ${part} to ${key}` : `add ${key}: ${part}`
  const choose = source.kind === 'file' || list ? inFile : `add --${key} ${part}`
  return new FedunifyError(
    'E_PART_NOT_CHOSEN',
    `${place([])}: ${plain(written)} is an option of ${key} ${part}, but ${key} is ${entries.map(({ name }) => name).join(', ')}`,
    `${choose}, or remove ${plain(written)}`,
  )
}
