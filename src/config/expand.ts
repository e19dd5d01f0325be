import { findRule } from '../algorithm/merge/own-rule.ts'
import { FedunifyError, nearest } from '../errors.ts'
import { thousands } from '../format.ts'
import { type AnyChoice, choiceText } from '../parts.ts'
import { BATCH_KEYS, BatchSchema } from './batch-schema.ts'
import { configHash } from './hash.ts'
import { isMapping, omit } from './mapping.ts'
import { items } from './parts/choice.ts'
import { CHOICE_KEYS } from './parts/choice-keys.ts'
import { withOwnRules } from './parts/own-rules.ts'
import { describeProblem, first } from './problem.ts'
import { fileName } from './read.ts'
import { resolveExperiment } from './resolve.ts'
import { type Experiment, WRITTEN_KEYS } from './schema.ts'
import { show } from './show.ts'
import { fileSource, flagSource, type Source, setSource } from './source.ts'
import type { Vocabulary } from './vocabulary.ts'

/** More is a slip of the keyboard. */
const MOST_RUNS = 10_000

/** Characters of all runs written out: a long file is not to become that many times as long. */
const MOST_CHARACTERS = 100_000_000

/** Room for the values of a matrix in the name of a folder, which may have 255 bytes in all. */
const LONGEST_GROUP = 160

/** One run of a batch. */
export interface PlannedRun {
  readonly experiment: Experiment
  readonly file: string
  /** What tells it apart from the file's other runs but the seed: its values of the matrix. */
  readonly group: string
  /** Its values of the matrix by key, and its seed where the file counts seeds. */
  readonly cell: Readonly<Record<string, unknown>>
  /** Folder under <out>/<name>: readable, and another for every config. */
  readonly id: string
  /** Where its values come from, later ones over earlier ones. */
  readonly sources: readonly Source[]
  readonly vocabulary: Vocabulary
}

/** All runs of an experiment file; `-` is standard input. @throws FedunifyError (usage) as `expand` does */
export async function expandFile(
  file: string,
  set: readonly string[] = [],
  signal?: AbortSignal,
): Promise<PlannedRun[]> {
  return await expand(await fileSource(file, { signal }), file, set)
}

/**
 * All runs of what an experiment file holds: every combination of its `matrix`, each with `seeds` seeds from `seed` on.
 * What `set` and flags give for a key of the matrix takes the place of its values there.
 * @param options flags by key; whether rules of the user's own are loaded: runs that are only shown do not need them
 * @throws FedunifyError (usage) with file and line, as for a single experiment
 */
export async function expand(
  asWritten: Source,
  file: string,
  set: readonly string[] = [],
  { flags = {}, ...options }: { readonly load?: boolean; readonly flags?: Readonly<Record<string, string>> } = {},
): Promise<PlannedRun[]> {
  const flagged = Object.keys(flags).length > 0 ? [flagSource(flags)] : []
  const { sources: placed, ...own } = await withOwnRules([asWritten, setSource(set), ...flagged], options)
  const [written, ...given] = placed as [Source, ...Source[]]
  const legal = [...WRITTEN_KEYS, ...own.vocabulary.options.map(({ long }) => long)]
  const parsed = BatchSchema.safeParse(pick(written, BATCH_KEYS), { reportInput: true })
  if (!parsed.success) throw describeProblem(first(parsed.error.issues), written.where)
  const { seeds } = parsed.data
  const matrix = { ...parsed.data.matrix }
  if (parsed.data.matrix && Object.keys(matrix).length === 0) {
    throw new FedunifyError(
      'E_CONFIG',
      `${written.where(['matrix'])}: the matrix is empty`,
      'for example matrix: { env: [V, H] }',
    )
  }
  for (const key of Object.keys(matrix)) {
    const place = written.where(['matrix', key])
    if (!legal.includes(key)) {
      const near = nearest(key, legal)
      throw new FedunifyError(
        'E_UNKNOWN_NAME',
        `${place}: unknown key ${show(key)} in matrix`,
        near && `did you mean ${near}?`,
      )
    }
    if (!(key in written.values) && !(key === 'seed' && seeds !== undefined)) continue
    throw new FedunifyError('E_CONFLICT', `${place}: ${key} is given twice`, `keep it in the matrix, remove the other`)
  }
  for (const key of Object.keys(matrix)) {
    for (const value of given.flatMap((source) => valuesOf(source, key, own.vocabulary))) {
      if (value === undefined) delete matrix[key]
      else if (key in CHOICE_KEYS || !isMapping(value)) matrix[key] = [value]
    }
  }
  const single: Source = { ...written, values: omit(written.values, (key) => BATCH_KEYS.includes(key)) }
  assertBounded(fileName(file), [single.values, ...given.map(({ values }) => values)], matrix, seeds ?? 1)

  return combinations(matrix).flatMap((combination) => {
    const chosen: Source = {
      kind: 'file',
      values: combination,
      where: (path) => written.where(['matrix', ...path.slice(0, 1)]),
    }
    const idle = optionsOfOthers(parsed.data.matrix ?? {}, combination, own.vocabulary)
    const withoutIdle = (source: Source) => ({ ...source, values: omit(source.values, idle) })
    const sources = [withoutIdle(single), chosen, ...given.map(withoutIdle)]
    const group = Object.entries(combination)
      .filter(([key]) => key !== 'seed')
      .map(([key, value]) => label(key in CHOICE_KEYS ? choiceLabel(value) : value))
      .join('-')
    const one = resolveExperiment(sources, file, own)
    const rest = { file, group, vocabulary: own.vocabulary, sources }
    if (seeds === undefined) return [planned(one, { ...rest, cell: combination })]
    return Array.from({ length: seeds }, (_, i) => {
      const seed = one.seed + i
      const counted: Source = { kind: 'file', values: { seed }, where: () => written.where(['seeds']) }
      const cell = { ...combination, seed }
      return planned({ ...one, seed }, { ...rest, cell, sources: [...sources, counted] })
    })
  })
}

/** What a source gives for a key: an option of a part may go by a long and by a short one. */
function valuesOf({ values }: Source, key: string, { options }: Vocabulary): unknown[] {
  const own = options.find(({ short, long }) => key === short || key === long)
  const names = own ? [own.long, own.short] : [key]
  return names.flatMap((name) => (name !== undefined && Object.hasOwn(values, name) ? [values[name]] : []))
}

/**
 * Options of parts that other runs of the matrix choose, and this one does not: there they count, here they have
 * nothing to do.
 */
function optionsOfOthers(
  matrix: Readonly<Record<string, readonly unknown[]>>,
  combination: Readonly<Record<string, unknown>>,
  { options }: Vocabulary,
): (key: string) => boolean {
  const others = options.filter(
    ({ key, part }) => !namesIn([combination[key]]).includes(part) && namesIn(matrix[key] ?? []).includes(part),
  )
  return (key) => others.some(({ short, long }) => key === short || key === long)
}

/** Names of parts among the values of a key, each a name, a list, or a mapping by name. */
const namesIn = (values: readonly unknown[]): string[] =>
  values.flatMap((value) =>
    (items(value) ?? []).map((item) => (isMapping(item) ? Object.keys(item)[0]! : String(item).split(':')[0]!)),
  )

/** Before any run is made: how many there are, and how long they are together. */
function assertBounded(
  name: string,
  common: readonly unknown[],
  matrix: Readonly<Record<string, readonly unknown[]>>,
  seeds: number,
): void {
  const lists = Object.values(matrix)
  const count = lists.reduce((product, values) => product * values.length, seeds)
  if (count > MOST_RUNS) {
    throw new FedunifyError('E_CONFIG', `${name}: makes ${count} runs, at most ${MOST_RUNS} are possible`)
  }
  const chosen = lists.reduce((sum, values) => sum + lengthOf(values) / values.length, 0)
  const length = count * (lengthOf(common) + chosen)
  if (length > MOST_CHARACTERS) {
    const long = `${thousands(length)} characters in all`
    throw new FedunifyError(
      'E_CONFIG',
      `${name}: makes ${count} runs of ${long}, at most ${thousands(MOST_CHARACTERS)} are possible`,
      'make it fewer runs, or shorter ones',
    )
  }
}

function planned(experiment: Experiment, rest: Omit<PlannedRun, 'experiment' | 'id'>): PlannedRun {
  // Of a rule that is not loaded, neither the hash nor all options are known.
  const hash = experiment.merge.every(findRule) ? configHash(experiment).slice(0, 8) : ''
  const id = [rest.group.slice(0, LONGEST_GROUP), `s${experiment.seed}`, hash].filter(Boolean).join('-')
  return { experiment, id, ...rest }
}

function combinations(matrix: Readonly<Record<string, readonly unknown[]>>): Record<string, unknown>[] {
  return Object.entries(matrix).reduce<Record<string, unknown>[]>(
    (all, [key, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [key]: value }))),
    [{}],
  )
}

const lengthOf = (value: unknown) => JSON.stringify(value).length

/** A matrix value as part of a folder's name. */
function label(value: unknown): string {
  const text = Array.isArray(value)
    ? value.map(label).join('+')
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value)
  // A list may be written as words with commas (see `list` in schema.ts).
  return text
    .replace(/ *, */g, typeof value === 'string' ? '+' : ',')
    .replace(/[^\w.+]+/g, '_')
    .slice(0, 40)
}

/** A part, or several, with what options stand beside the name: `dirichlet:alpha=0.3`. */
export const choiceLabel = (value: unknown) => (Array.isArray(value) ? value.map(choiceOf) : choiceOf(value))

const choiceOf = (value: unknown) =>
  isMapping(value) && Object.values(value).every(isMapping) ? choiceText(value as AnyChoice) : value

const pick = ({ values }: Source, keys: readonly string[]) =>
  Object.fromEntries(Object.entries(values).filter(([key]) => keys.includes(key)))
