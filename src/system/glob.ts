import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Options } from 'fast-glob'
import { FedunifyError, messageOf } from '../errors.ts'
import { thousands } from '../format.ts'

/** A glob that matches more than this was not meant. */
const MOST_MATCHES = 50_000

/** A glob whose braces stand for more patterns than this was not meant either: each of them is looked for. */
const MOST_PATTERNS = 2000

/**
 * What a glob matches, sorted, numbers by their value. A shell hands over plain names as well as quoted globs; on
 * Windows with backslashes. The folders that it begins with mean themselves if they are there, whatever is in their
 * names: `study (1)/*.yaml`.
 * @throws FedunifyError (data) if a folder below it cannot be read; (usage) if it matches very much, or stands
 *   for very many patterns
 */
export async function matchGlob(glob: string, options: Options = {}): Promise<string[]> {
  const fastGlob = await loadGlob()
  const written = fastGlob.convertPathToPattern(glob).replace(/\\([*?{}[\]!()])/g, '$1')
  const pattern = await withPlainFolders(written, options.cwd)
  if (patternsIn(pattern) > MOST_PATTERNS) {
    const message = `${glob}: its braces stand for more than ${thousands(MOST_PATTERNS)} patterns`
    throw new FedunifyError('E_OPTION', message, CLOSER)
  }
  const found: string[] = []
  try {
    for await (const match of fastGlob.stream(pattern, { unique: true, ...options })) {
      if (found.push(String(match)) > MOST_MATCHES) throw tooMany(glob)
    }
  } catch (error) {
    if (error instanceof FedunifyError) throw error
    throw new FedunifyError('E_FILE_UNREADABLE', `${glob}: ${messageOf(error)}`, CLOSER, { cause: error })
  }
  return found.sort(byName)
}

/** With it come eighty small files, which a command without a glob need not read. */
const loadGlob = async () => (await import('fast-glob')).default

const CLOSER = 'name what is meant more closely'

const tooMany = (glob: string) =>
  new FedunifyError('E_OPTION', `${glob}: matches more than ${thousands(MOST_MATCHES)} files`, CLOSER)

/** A glob in which the folders that it begins with, as far as they are there, are no patterns. */
async function withPlainFolders(glob: string, cwd = '.'): Promise<string> {
  const steps = glob.split('/')
  let there = 0
  for (let path = ''; there < steps.length - 1; there++) {
    path = `${path}${steps[there]}/`
    const found = await lstat(glob.startsWith('/') ? path : join(cwd, path)).catch(() => undefined)
    if (!found) break
  }
  const fastGlob = await loadGlob()
  const plain = steps.slice(0, there).map((step) => step && fastGlob.escapePath(step))
  return [...plain, ...steps.slice(there)].join('/')
}

/** How many patterns the braces of a glob stand for: six for `{a,b}{1..3}`. */
export function patternsIn(glob: string): number {
  /** Braces that are open, the whole around them: patterns of the alternatives before, and of the one so far. */
  const open = [{ before: 0, here: 1, from: 0 }]
  for (let at = 0; at < glob.length; at++) {
    const inner = open.at(-1)!
    if (glob[at] === '\\') at += 1
    else if (glob[at] === '{') open.push({ before: 0, here: 1, from: at + 1 })
    else if (open.length === 1) continue
    else if (glob[at] === ',') Object.assign(inner, { before: inner.before + inner.here, here: 1 })
    else if (glob[at] === '}') {
      open.pop()
      const [, first, last] = /^(-?\d+)\.\.(-?\d+)/.exec(glob.slice(inner.from, at)) ?? []
      const range = Math.abs(Number(last) - Number(first)) + 1
      open.at(-1)!.here *= first === undefined ? inner.before + inner.here : range
    }
  }
  return open.reduce((product, { before, here }) => product * (before + here), 1)
}

/** s2 before s10. */
export const byName = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })
