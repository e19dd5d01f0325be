import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { OwnRule } from '../../algorithm/merge/own-rule.ts'
import type { MergeRule } from '../../algorithm/merge/rule.ts'
import { lineIn } from '../../algorithm/merge/rule-place.ts'
import { FedunifyError, messageOf, nearest } from '../../errors.ts'
import { readIfThere } from '../../system/files.ts'
import { textOf } from '../../system/text.ts'
import { isMapping } from '../mapping.ts'
import { show } from '../show.ts'
import { readOptions } from './own-options.ts'

/** Bytes of a rule's file. */
const MOST = 1_000_000

const LIKE = 'it must export default { summary, source, when, needs, options, make }'

/**
 * Reads the file of a rule and runs it, as any import does.
 * @param path absolute
 * @param shown the file as it was written, with the place where it was
 * @throws FedunifyError (usage) if there is none, or it makes no rule
 */
export async function loadOwnRule(name: string, path: string, shown: string): Promise<OwnRule> {
  const refuse = (what: string, hint: string, cause?: unknown) =>
    new FedunifyError('E_RULE_FILE', `${shown}${what}`, hint, { cause })
  const content = await readIfThere(path, { most: MOST }).catch((error: unknown) => {
    throw refuse(messageOf(error).replace(path, ''), LIKE, error)
  })
  if (!content) throw refuse(': no such file', `looked for ${path}`)
  const sha256 = createHash('sha256').update(content).digest('hex')
  const beside = besides(textOf(content))
  if (beside) throw refuse(`:${beside.line}: imports ${beside.file}`, ONE_FILE)
  const module = await importRule(path, sha256).catch(async (error: unknown) => {
    const wrong = await syntaxError(path)
    if (wrong) throw refuse(`:${wrong.line}: ${wrong.message}`, LIKE, error)
    const line = lineIn(basename(path), error)
    const place = line === undefined ? '' : `:${line}`
    if (isMissing(error)) throw refuse(`${place}: ${messageOf(error)}`, PACKAGE, error)
    throw refuse(`${place}: threw ${messageOf(error)}`, 'mend the file: it is run before it gives its rule', error)
  })
  const given = module.default ?? module.rule
  if (given === undefined) throw refuse(': exports no rule', LIKE)
  const rule = ruleOf(given)
  if (Array.isArray(rule)) throw refuse(`: ${rule.join(', ')}`, LIKE)
  return { name, file: basename(path), sha256, loaded: { rule, content } }
}

/** A file that was changed is another module: the same address would give what was loaded before. */
const importRule = (path: string, sha256: string): Promise<Readonly<Record<string, unknown>>> =>
  import(/* @vite-ignore */ `${pathToFileURL(path).href}?sha256=${sha256}`)

const isMissing = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'

const PACKAGE = 'install it, or do without: options can be described as plain data'
const ONE_FILE = 'a rule is one file, of which a run keeps a copy and the hash: put what it needs into it'

/** The first file that the text imports by its path. */
function besides(text: string): { file: string; line: number } | undefined {
  const found = /(?:\bfrom|\bimport)\s*\(?\s*(['"])(\.{0,2}\/[^'"\n]*)\1/.exec(text)
  return found ? { file: found[2]!, line: text.slice(0, found.index).split('\n').length } : undefined
}

/** Errors of syntax do not say where they are: Node tells it only if it is asked to look at the file. */
function syntaxError(path: string): Promise<{ line: number; message: string } | undefined> {
  return new Promise((done) => {
    execFile(process.execPath, ['--check', path], (error, _, stderr) => {
      const [, line] = /^.*:(\d+)$/m.exec(stderr) ?? []
      const [, message] = /^SyntaxError: (.*)$/m.exec(stderr) ?? []
      done(error && line && message ? { line: Number(line), message } : undefined)
    })
  })
}

const FIELDS = ['summary', 'source', 'when', 'needs', 'options', 'make', 'uses', 'check']

/** @returns the rule, or all that is wrong with it */
function ruleOf(given: unknown): MergeRule | string[] {
  if (!isMapping(given)) return [`exports ${typeof given === 'function' ? 'a function' : show(given)}, not a rule`]
  const faults: string[] = []
  for (const field of ['summary', 'source', 'when']) {
    if (given[field] === undefined) faults.push(`${field} is missing`)
    else if (typeof given[field] !== 'string' || !/^.*\S.*$/.test(given[field])) faults.push(`${field} must be a line`)
  }
  if (given.needs !== 'each' && given.needs !== 'sum') {
    faults.push(given.needs === undefined ? 'needs is missing' : "needs must be 'each' or 'sum'")
  }
  if (typeof given.make !== 'function') faults.push(`make ${given.make === undefined ? 'is missing' : NO_FUNCTION}`)
  if (given.uses !== undefined && typeof given.uses !== 'function') faults.push(`uses ${NO_FUNCTION}`)
  if (given.check !== undefined && typeof given.check !== 'function') faults.push(`check ${NO_FUNCTION}`)
  for (const name of Object.keys(given)) {
    const meant = FIELDS.includes(name) ? undefined : nearest(name, FIELDS)
    if (meant && given[meant] === undefined) faults.push(`is ${show(name)} meant to be ${meant}?`)
  }
  const options = readOptions(given.options)
  if (typeof options === 'string') faults.push(options)
  if (faults.length > 0 || typeof options === 'string') return faults
  const rule = given as unknown as MergeRule
  const { summary, source, when, needs } = rule
  return {
    summary,
    source,
    when,
    needs,
    options: options as unknown as MergeRule['options'],
    make: (of) => rule.make(of),
    ...(rule.uses && { uses: (of) => rule.uses!(of) }),
    check: (of, owners) => rule.check?.(of, owners),
  }
}

const NO_FUNCTION = 'must be a function'
