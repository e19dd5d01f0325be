import { FedunifyError } from '../errors.ts'
import { BATCH_KEYS, BatchSchema, VARIANT } from './batch-schema.ts'
import { isMapping, omit } from './mapping.ts'
import { meantKey } from './meant.ts'
import { CHOICE_KEYS } from './parts/choice-keys.ts'
import { describeProblem, first } from './problem.ts'
import { WRITTEN_KEYS } from './schema.ts'
import { show } from './show.ts'
import type { Source } from './source.ts'
import type { Vocabulary } from './vocabulary.ts'

/** The values that a key goes over, and who gave them. */
interface Swept {
  readonly values: readonly unknown[]
  readonly source: Source
}

/** Settings by name, and who gave them. */
export interface Variants {
  readonly settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly source: Source
}

/** What makes several runs of one experiment. */
interface Batch {
  /** Its keys are those of the experiment, and `variant` if there are some. */
  readonly matrix: ReadonlyMap<string, Swept>
  /** All values that any source has in its matrix, those that a later one replaced too. */
  readonly offered: Readonly<Record<string, readonly unknown[]>>
  readonly variants: Variants | undefined
  readonly seeds: { readonly count: number; readonly source: Source } | undefined
}

/**
 * The matrix and the seeds of sources, later ones over earlier ones.
 * @throws FedunifyError (usage) with the place of what is wrong
 */
export function readBatch(sources: readonly Source[], { options }: Vocabulary): Batch {
  const settable = [...WRITTEN_KEYS, ...options.map(({ long }) => long)]
  const legal = sources.some(({ values }) => values.variants) ? [...settable, VARIANT] : settable
  // An option of a part may go by a long and by a short key.
  const namesOf = (key: string) => {
    const own = options.find(({ short, long }) => key === short || key === long)
    return own ? [own.long, own.short].filter((name) => name !== undefined) : [key]
  }
  const matrix = new Map<string, Swept>()
  const offered: Record<string, readonly unknown[]> = {}
  let variants: Batch['variants']
  let seeds: Batch['seeds']
  for (const source of sources) {
    const own = parse(source, legal)
    const takesBack = (key: string) => Object.hasOwn(source.values, key) && source.values[key] === undefined
    if (takesBack('matrix')) matrix.clear()
    if (takesBack('variants')) matrix.delete(VARIANT)
    if (own.variants) {
      variants = { settings: own.variants, source }
      matrix.set(VARIANT, { values: Object.keys(own.variants), source })
    }
    if (takesBack('seeds')) seeds = undefined
    for (const [written, value] of Object.entries(source.values)) {
      const key = namesOf(written).find((name) => matrix.has(name))
      const before = key === undefined ? undefined : matrix.get(key)
      if (key === undefined || !before) continue
      if (value === undefined) matrix.delete(key)
      else if (key in CHOICE_KEYS || !isMapping(value)) matrix.set(key, { ...before, values: [value] })
    }
    for (const [key, values] of Object.entries(own.matrix ?? {})) {
      for (const name of namesOf(key)) if (name !== key) matrix.delete(name)
      matrix.set(key, { values, source })
      offered[key] = [...(offered[key] ?? []), ...values]
    }
    if (own.matrix?.seed) seeds = undefined
    if (own.seeds === undefined) continue
    const listed = matrix.get('seed')
    if (listed && listed.source.kind !== 'file' && listed.values.length > 1) {
      const place = listed.source.where(['matrix', 'seed'])
      throw new FedunifyError(
        'E_CONFLICT',
        `${place}: seeds are listed, and ${source.where(['seeds'])} counts them`,
        'leave one of the two out',
      )
    }
    seeds = { count: own.seeds, source }
    matrix.delete('seed')
  }
  if (variants) assertVariants(variants, matrix, settable)
  return { matrix, offered, variants, seeds }
}

/** It becomes part of a folder's name. */
const VARIANT_NAME = /^\w[\w.-]*$/

/** @throws FedunifyError (usage) if a variant is chosen that is not there, or sets what it cannot */
function assertVariants(
  { settings, source }: Variants,
  matrix: ReadonlyMap<string, Swept>,
  legal: readonly string[],
): void {
  const names = Object.keys(settings)
  for (const name of matrix.get(VARIANT)?.values ?? []) {
    if (names.includes(String(name))) continue
    const near = meantKey(String(name), names)
    const hint = near ? `did you mean ${near}?` : `there are ${names.join(', ')}`
    throw new FedunifyError('E_UNKNOWN_NAME', `variant: there is no variant ${show(name)}`, hint)
  }
  for (const [name, values] of Object.entries(settings)) {
    if (!VARIANT_NAME.test(name)) {
      const message = `${source.where(['variants', name])}: a variant cannot be named ${show(name)}`
      throw new FedunifyError('E_CONFIG', message, 'use letters, digits, dots, dashes and underscores')
    }
    for (const key of Object.keys(values)) {
      const place = source.where(['variants', name, key])
      if (!legal.includes(key)) throw unknownKey(place, key, `variant ${name}`, legal)
      // What the command line goes over counts in every variant.
      if (matrix.get(key)?.source !== source) continue
      const message = `${place}: ${key} is given twice, in the matrix and in variant ${name}`
      throw new FedunifyError('E_CONFLICT', message, 'keep one of the two')
    }
  }
}

function unknownKey(place: string, key: string, where: string, legal: readonly string[]): FedunifyError {
  const near = meantKey(key, legal)
  return new FedunifyError(
    'E_UNKNOWN_NAME',
    `${place}: unknown key ${show(key)} in ${where}`,
    near && `did you mean ${near}?`,
  )
}

function parse(source: Source, legal: readonly string[]) {
  const { values, where } = source
  const given = omit(values, (key) => !BATCH_KEYS.includes(key) || values[key] === undefined)
  const parsed = BatchSchema.safeParse(given, { reportInput: true })
  if (!parsed.success) throw describeProblem(first(parsed.error.issues), where)
  const { matrix, seeds } = parsed.data
  const keys = Object.keys(matrix ?? {})
  if (matrix && keys.length === 0 && source.kind === 'file') {
    throw new FedunifyError(
      'E_CONFIG',
      `${where(['matrix'])}: the matrix is empty`,
      'for example matrix: { env: [V, H] }',
    )
  }
  for (const key of keys) {
    const place = where(['matrix', key])
    if (!legal.includes(key)) throw unknownKey(place, key, 'matrix', legal)
    if (!Object.hasOwn(values, key) && !(key === 'seed' && seeds !== undefined)) continue
    throw new FedunifyError('E_CONFLICT', `${place}: ${key} is given twice`, `keep it in the matrix, remove the other`)
  }
  return parsed.data
}
