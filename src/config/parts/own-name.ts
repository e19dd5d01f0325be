import { basename, extname } from 'node:path'
import { MERGE_RULES } from '../../algorithm/merge/registry.ts'
import { isMapping } from '../mapping.ts'
import { items } from './choice.ts'

/** A rule of the user's own as it is written where a name may stand: its file, and what comes behind that. */
export interface WrittenFile {
  readonly file: string
  /** `:p=0.4` */
  readonly rest: string
}

/** Whether a word names a file rather than a part: it begins as a path does, or ends as a module does. */
export function fileIn(word: string): WrittenFile | undefined {
  const [, file, rest = ''] = /^(.*?\.m?js)(?![^:])(.*)$/s.exec(word.trim()) ?? []
  if (file !== undefined) return { file, rest }
  if (!/^\.{0,2}\//.test(word.trim())) return undefined
  const [path = '', ...others] = word.trim().split(/(?=:)/)
  return { file: path, rest: others.join('') }
}

/** The name of a rule in a file. */
export const stemOf = (file: string): string => basename(file, extname(file))

/** Why a file cannot be that of a rule, whatever is in it. */
export function badName(file: string): { what: string; hint: string } | undefined {
  const stem = stemOf(file)
  if (!/\.m?js$/.test(file))
    return { what: 'the file of a rule ends with .mjs or .js', hint: 'name the file itself, for example ./my-rule.mjs' }
  if (!/^[A-Za-z][\w-]{0,59}$/.test(stem)) {
    return { what: `${stem} cannot be the name of a rule`, hint: 'name the file with letters, digits, - and _' }
  }
  if (Object.hasOwn(MERGE_RULES, stem)) {
    return { what: `the name ${stem} is that of a built-in rule`, hint: 'rename the file' }
  }
  // The other columns of a run (see runs/series-name.ts).
  if (!/^(pooled|local_\d+)$/.test(stem)) return undefined
  return { what: `the name ${stem} is that of another column`, hint: 'rename the file' }
}

/** An item of what names rules, its file replaced by the name: `./my-rule.mjs:p=0.4` is `my-rule:p=0.4`. */
export function nameItem(item: unknown): unknown {
  if (typeof item === 'string') {
    const written = fileIn(item)
    return written ? stemOf(written.file) + written.rest : item
  }
  if (!isMapping(item)) return item
  const [[key, options] = ['', {}], ...others] = Object.entries(item)
  const written = others.length === 0 ? fileIn(key) : undefined
  return written ? { [stemOf(written.file) + written.rest]: options } : item
}

/** All that is under `merge`, in the form in which it stands. */
export function nameItems(value: unknown): unknown {
  const all = items(value)
  if (!all) return value
  if (typeof value === 'string') return all.some((item) => fileIn(String(item))) ? all.map(nameItem).join(',') : value
  return Array.isArray(value) ? all.map(nameItem) : nameItem(value)
}
