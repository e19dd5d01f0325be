import type { z } from 'zod'
import { FedunifyError, nearest } from '../errors.ts'
import { EXPERIMENT_KEYS } from './schema.ts'
import { isMapping } from './source.ts'

type Issue = z.core.$ZodIssue

/** One line for the first thing that is wrong: where, which key, what was expected, what was there. */
export function describeProblem(issue: Issue, where: (path: readonly PropertyKey[]) => string): FedunifyError {
  const found = innermost(issue)
  // A discriminated union reports the whole mapping: what was wrong in it is the discriminator.
  const value = isMapping(found.input) ? found.input[String(found.path.at(-1))] : found.input
  if (found.code === 'unrecognized_keys') {
    const [key = ''] = found.keys
    const near = found.path.length === 0 ? nearest(key, EXPERIMENT_KEYS) : undefined
    const legal = found.path.length === 0 ? `keys are ${EXPERIMENT_KEYS.join(', ')}` : undefined
    const inside = found.path.length > 0 ? ` in ${found.path.join('.')}` : ''
    const place = where([...found.path, key])
    return new FedunifyError('usage', `${place}: unknown key "${key}"${inside}`, near ? `did you mean ${near}?` : legal)
  }
  const { expected, legal } = expectation(found)
  const near = legal && typeof value === 'string' ? nearest(value, legal) : undefined
  const hint = near ? `did you mean ${near}?` : undefined
  const got = value === undefined ? 'nothing' : show(value)
  return new FedunifyError('usage', `${named(where(found.path), found.path)}: expected ${expected}, got ${got}`, hint)
}

/** A union reports every branch: take the one that the value comes nearest to, the one that looked deepest. */
function innermost(issue: Issue): Issue & { path: PropertyKey[] } {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue
  const branches = issue.errors.map((branch) => branch[0]!)
  const isList = Array.isArray(issue.input)
  const fits = branches.find((b) => (isList ? b.code !== 'invalid_value' : b.code === 'invalid_value')) ?? branches[0]!
  return innermost({ ...fits, path: [...issue.path, ...fits.path] })
}

function expectation(issue: Issue): { expected: string; legal?: string[] } {
  switch (issue.code) {
    case 'invalid_value': {
      const legal = issue.values.map(String)
      return { expected: legal.length === 1 ? legal[0]! : `one of ${legal.join(', ')}`, legal }
    }
    case 'invalid_type':
      return { expected: article(issue.expected) }
    case 'too_small': {
      if (issue.origin === 'array') return { expected: `at least ${issue.minimum} in the list` }
      return { expected: `a number ${issue.inclusive ? 'of at least' : 'above'} ${issue.minimum}` }
    }
    case 'too_big':
      return {
        expected: `a number ${issue.inclusive ? 'of at most' : 'below'} ${issue.maximum}`,
      }
    case 'invalid_union': {
      const types = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : []
      return types.length > 0 ? { expected: `one of ${types.join(', ')}`, legal: types } : { expected: issue.message }
    }
    default:
      return { expected: issue.message.replace(/^expected /i, '') }
  }
}

const article = (type: string) =>
  ({ int: 'a whole number', number: 'a number', string: 'text', array: 'a list', object: 'keys and values' })[type] ??
  type

/** The place, and the key where the place does not say it (a flag names itself). */
const named = (place: string, path: readonly PropertyKey[]) =>
  place.startsWith('--') ? place : `${place}: ${path.map(String).join('.')}`

const show = (value: unknown) => (typeof value === 'number' ? String(value) : JSON.stringify(value))
