import { FedunifyError } from '../errors.ts'
import { fileName, readText } from './read.ts'
import { TEXT_KEYS } from './schema.ts'
import { plain, show } from './show.ts'
import { parseYaml } from './yaml.ts'

/** Bytes that a file of an experiment or of expectations may have. */
const MOST = 100_000

/** The same for what a run folder keeps of it, which has a line for each value. */
const MOST_KEPT = 1_000_000

/** Steps of a key that reaches into a mapping. */
const MOST_STEPS = 20

/** Raw values from one place (a file, a --set, a flag), and the words that name the place of each. */
export interface Source {
  readonly kind: 'file' | 'set' | 'flag'
  readonly values: Readonly<Record<string, unknown>>
  /** Where the value at `path` was written: «exp.yaml:3», «--set lr», «--lr». */
  where(path: readonly PropertyKey[]): string
}

interface ReadOptions {
  readonly signal?: AbortSignal | undefined
  /** Whether it is the file that a run folder keeps, which may be larger. */
  readonly kept?: boolean
}

/**
 * @param file `-` is standard input
 * @throws FedunifyError (usage) naming file and line where it is no YAML mapping
 */
export async function fileSource(file: string, options: ReadOptions = {}): Promise<Source> {
  const { value, where } = await readYaml(file, options)
  const values = value ?? {}
  if (!isMapping(values)) {
    const got = Array.isArray(values) ? 'a list' : show(values)
    throw new FedunifyError('usage', `${where([])}: expected keys and values, got ${got}`, 'write «key: value» lines')
  }
  return { kind: 'file', values, where: (path) => (path.length > 0 ? where(path) : fileName(file)) }
}

/**
 * What a YAML file holds, null where it is empty, and the place of each value: `where([])` is where the first stands.
 * @throws FedunifyError (usage) naming file and line where it is no YAML, or too much of it
 */
export async function readYaml(
  file: string,
  { signal, kept = false }: ReadOptions = {},
): Promise<{ value: unknown; where: Source['where'] }> {
  const most = kept ? MOST_KEPT : MOST
  const name = fileName(file)
  const place = (line: number) => `${name}:${line}`
  const { value, lineOf } = parseYaml(await readText(file, most, signal), { most, what: 'file', place })
  return {
    value,
    where(path) {
      const line = lineOf(path)
      return line === undefined ? name : place(line)
    },
  }
}

/** `key=value` pairs; a key may reach into a mapping (`normalise.mean=0.5`), a value is YAML. */
export function setSource(pairs: readonly string[]): Source {
  const values = pairs.map((pair) => {
    const at = pair.indexOf('=')
    if (at < 1) {
      throw new FedunifyError('usage', `--set ${plain(pair)}: expected key=value`, 'for example --set lr=0.05')
    }
    const key = pair.slice(0, at)
    if (key.split('.').length > MOST_STEPS) {
      throw new FedunifyError(
        'usage',
        `--set ${plain(key)}: no key reaches that deep`,
        'for example --set normalise.std=0.5',
      )
    }
    const value = scalar(key, pair.slice(at + 1), `--set ${plain(key)}`)
    return key.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as Record<string, unknown>
  })
  return { kind: 'set', values: values.reduce(overlay, {}), where: (path) => `--set ${plain(path.join('.'))}` }
}

/** Flags as the command line gives them: strings that are read as YAML values, where the key is not text itself. */
export function flagSource(flags: Readonly<Record<string, string>>): Source {
  const values = Object.entries(flags).map(([key, text]) => [key, scalar(key, text, `--${key}`)])
  return { kind: 'flag', values: Object.fromEntries(values), where: (path) => `--${String(path[0])}` }
}

function scalar(key: string, text: string, where: string): unknown {
  if (TEXT_KEYS.includes(key)) return text
  return parseYaml(text, { most: MOST, what: 'value', place: () => where }).value
}

export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `b` over `a`; mappings are joined, everything else is replaced. Every key stays one, `__proto__` too. */
export function overlay(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const joined = new Map(Object.entries(a))
  for (const [key, value] of Object.entries(b)) {
    const under = joined.get(key)
    joined.set(key, isMapping(under) && isMapping(value) ? overlay(under, value) : value)
  }
  return Object.fromEntries(joined)
}
