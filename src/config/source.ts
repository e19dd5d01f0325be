import { dirname } from 'node:path'
import { FedunifyError } from '../errors.ts'
import { assertConfigFormat, EXPERIMENT_FILE, type FileKind, isAboutFile } from './config-format.ts'
import { isMapping, omit, overlay } from './mapping.ts'
import { isOldConfig, upgradeConfig } from './old-config.ts'
import { splitOutside } from './parts/choice.ts'
import { CHOICE_KEYS } from './parts/choice-keys.ts'
import { fileName, readText, STDIN } from './read.ts'
import { plain, show } from './show.ts'
import { isSwept, isText, namesSeveral, takesList } from './takes.ts'
import { MOST, parseValue } from './value.ts'
import { parseYaml } from './yaml.ts'

/** The same for what a run folder keeps of it, which has a line for each value. */
const MOST_KEPT = 1_000_000

/** Steps of a key that reaches into a mapping. */
const MOST_STEPS = 20

/** Raw values from one place (a file, a --set, a flag), and the words that name the place of each. */
export interface Source {
  readonly kind: 'file' | 'set' | 'flag'
  /** By key, or by the long or short key of an option; undefined takes back what earlier sources give. */
  readonly values: Readonly<Record<string, unknown>>
  /** Of the file, for paths in it that start there. */
  readonly folder?: string
  /** Where the value at `path` was written: "exp.yaml:3", "--set lr", "--lr", "--privacy clip". */
  where(path: readonly PropertyKey[]): string
}

/** Where a value was written. */
export interface Origin {
  readonly source: Source
  /** "exp.yaml:3", "--set lr", "--lr", "--privacy clip". */
  readonly place: string
  /** The key as it was written there: an option of a part may go by a short one. */
  readonly key: string
}

interface ReadOptions {
  readonly signal?: AbortSignal | undefined
  /** Whether it is the file that a run folder keeps, which may be larger. */
  readonly kept?: boolean
  /** What the file should be; default: an experiment. */
  readonly kind?: FileKind
}

/**
 * The values of an experiment file, without its format.
 * @param file `-` is standard input
 * @throws FedunifyError (usage) naming file and line where it is no YAML mapping, or of a newer format
 */
export async function fileSource(file: string, options: ReadOptions = {}): Promise<Source> {
  const { value, where } = await readYaml(file, options)
  const kept = value ?? {}
  if (!isMapping(kept)) {
    const got = Array.isArray(kept) ? 'a list' : show(kept)
    throw new FedunifyError(
      'E_CONFIG',
      `${where([])}: expected keys and values, got ${got}`,
      'write "key: value" lines',
    )
  }
  const given = omit(kept, isAboutFile)
  const values = isOldConfig(given) ? upgradeConfig(given) : given
  return {
    kind: 'file',
    values,
    ...(file !== STDIN && { folder: dirname(file) }),
    where: (path) => (path.length > 0 ? where(path) : fileName(file)),
  }
}

/** The values of an experiment that a program made, as if a file held them; places are those in the object. */
export function objectSource(values: unknown): Source {
  if (!isMapping(values)) {
    throw new FedunifyError(
      'E_CONFIG',
      `experiment: expected an object, got ${show(values)}`,
      "for example { env: 'H' }",
    )
  }
  const given = Object.entries(omit(values, isAboutFile)).filter(([, value]) => value !== undefined)
  return { kind: 'file', values: Object.fromEntries(given), where: (path) => ['experiment', ...path].join('.') }
}

/**
 * What a YAML file holds, null if it is empty, and the place of each value: `where([])` is where the first stands.
 * @throws FedunifyError (usage) naming file and line where it is no YAML, too much of it, or of a newer format
 */
export async function readYaml(
  file: string,
  { signal, kept = false, kind = EXPERIMENT_FILE }: ReadOptions = {},
): Promise<{ value: unknown; where: Source['where'] }> {
  const most = kept ? MOST_KEPT : MOST
  const name = fileName(file)
  const place = (line: number) => `${name}:${line}`
  const { value, lineOf } = parseYaml(await readText(file, most, signal, kind), { most, what: 'file', place })
  const where = (path: readonly PropertyKey[]) => {
    const line = lineOf(path)
    return line === undefined ? name : place(line)
  }
  if (isMapping(value)) assertConfigFormat(value, where, kind)
  return { value, where }
}

/**
 * `key=value` pairs; a key may reach into a mapping (`normalise.mean=0.5`) or name an option of a part
 * (`optimizer.momentum.momentum=0.5`), a value is YAML. `null` takes a key back. Several values of one key
 * (`lr=0.1,0.03`) are what the matrix of a batch goes over.
 */
export function setSource(pairs: readonly string[]): Source {
  let values: Readonly<Record<string, unknown>> = {}
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at < 1) {
      throw new FedunifyError('E_OPTION', `--set ${plain(pair)}: expected key=value`, 'for example --set lr=0.05')
    }
    const key = pair.slice(0, at)
    if (key.split('.').length > MOST_STEPS) {
      throw new FedunifyError(
        'E_CONFIG',
        `--set ${plain(key)}: no key reaches that deep`,
        'for example --set normalise.std=0.5',
      )
    }
    values = over(values, key, pair.slice(at + 1), `--set ${plain(key)}`)
  }
  return { kind: 'set', values, where: (path) => `--set ${plain(withoutMatrix(path).join('.'))}` }
}

/** Flags as the command line gives them: strings that are read as `--set` reads them. */
export function flagSource(flags: Readonly<Record<string, string>>): Source {
  let values: Readonly<Record<string, unknown>> = {}
  for (const [key, text] of Object.entries(flags)) values = over(values, key, text, `--${key}`)
  return { kind: 'flag', values, where: (path) => flagPlace(withoutMatrix(path)) }
}

/** A flag, and where in its value: "--privacy masks.range". A part is found by its name, not by its number in a list. */
function flagPlace([flag, ...inner]: readonly PropertyKey[]): string {
  const byName = Object.hasOwn(CHOICE_KEYS, flag!) || typeof inner.at(-1) === 'number'
  const within = byName ? inner.filter((step) => typeof step !== 'number') : inner
  return [`--${String(flag)}`, ...(within.length > 0 ? [plain(within.map(String).join('.'))] : [])].join(' ')
}

/** What a command line goes over was written as the key itself. */
const withoutMatrix = (path: readonly PropertyKey[]) => (path[0] === 'matrix' && path.length > 1 ? path.slice(1) : path)

/** What was given so far, and now a text for a key: the last that is given for a key counts. */
function over(values: Readonly<Record<string, unknown>>, key: string, text: string, place: string) {
  const { matrix } = values
  const [first, ...inner] = key.split('.')
  const swept = first === 'matrix' && inner.length > 0 ? inner.join('.') : key
  const others = isMapping(matrix) ? { ...values, matrix: omit(matrix, (one) => one === swept) } : values
  const several = first === 'matrix' && inner.length === 0 ? undefined : valuesIn(key, text, place)
  if (several)
    return overlay(
      omit(others, (one) => one === swept),
      { matrix: { [swept]: several } },
    )
  return overlay(others, nested(key, scalar(key, text, place)))
}

/** A value under its key, which may reach into a mapping. */
function nested(key: string, value: unknown): Record<string, unknown> {
  // An option sets nothing but itself: it does not choose its part.
  if (Object.hasOwn(CHOICE_KEYS, key.split('.')[0]!)) return { [key]: value }
  return key.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as Record<string, unknown>
}

/** Several values of a key, one for each run; undefined if the text is one value. */
function valuesIn(key: string, text: string, place: string): unknown[] | undefined {
  const [first, ...inner] = key.split('.')
  if (first === 'matrix') {
    const all = inner.join('.')
    return valuesIn(all, text, place) ?? [scalar(all, text, place)].flat()
  }
  if (!isSwept(key) || !/[,[]/.test(text)) return undefined
  const parts = splitOutside(text)
  const lists = parts.every((part) => /^\s*\[/.test(part))
  if (namesSeveral(key) ? parts.length > 1 && lists : parts.length > 1) {
    return parts.map((part) => scalar(key, part, place))
  }
  const one = !takesList(key) && lists ? scalar(key, text, place) : undefined
  return Array.isArray(one) && one.length > 0 ? one : undefined
}

/** A word alone takes a key back; what is empty does not, for it may have been meant to be a value. */
const TAKES_BACK = /^\s*(null|~)\s*$/

function scalar(key: string, text: string, place: string): unknown {
  if (TAKES_BACK.test(text)) return undefined
  return isText(key) ? text : parseValue(text, place)
}
