import { createHash } from 'node:crypto'
import { findRule } from '../algorithm/merge/own-rule.ts'
import { FedunifyError } from '../errors.ts'
import { thousands } from '../format.ts'
import { type AnyChoice, choiceText } from '../parts.ts'
import { BATCH_KEYS, VARIANT } from './batch-schema.ts'
import { combinations } from './combinations.ts'
import { configHash, NEUTRAL } from './hash.ts'
import { isMapping, omit, overlay } from './mapping.ts'
import { CHOICE_KEYS } from './parts/choice-keys.ts'
import { withOwnRules } from './parts/own-rules.ts'
import { fileName } from './read.ts'
import { readBatch, type Variants } from './read-batch.ts'
import { resolveExperiment } from './resolve.ts'
import type { Experiment } from './schema.ts'
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
  /** Undefined if it was asked for by the command line alone. */
  readonly file: string | undefined
  /** Whether somebody said how many of its owners train at the same time. */
  readonly workersGiven: boolean
  /** Whether its folder goes by a name that somebody gave it. */
  readonly nameGiven: boolean
  /** What tells it apart from the file's other runs but the seed: its values of the matrix. */
  readonly group: string
  /** Its values of the matrix by key, and its seed if the file counts seeds. */
  readonly cell: Readonly<Record<string, unknown>>
  /** Folder under <out>/<name>: readable, and another for every config. */
  readonly id: string
  /** Where its values come from, later ones over earlier ones. */
  readonly sources: readonly Source[]
  readonly vocabulary: Vocabulary
}

/** What a command line gives beside `--set`. */
interface Given {
  readonly flags?: Readonly<Record<string, string>> | undefined
}

/** All runs of an experiment file; `-` is standard input. @throws FedunifyError (usage) as `expand` does */
export async function expandFile(
  file: string,
  set: readonly string[] = [],
  { signal, flags }: Given & { readonly signal?: AbortSignal | undefined } = {},
): Promise<PlannedRun[]> {
  return await expand(await fileSource(file, { signal }), file, set, { flags })
}

/**
 * All runs of what an experiment file holds: every combination of its `matrix`, each with `seeds` seeds from `seed` on.
 * What the command line gives for a key of the matrix takes the place of its values there, and it may have a matrix and
 * seeds of its own.
 * @param options flags by key; whether rules of the user's own are loaded: runs that are only shown do not need them
 * @throws FedunifyError (usage) with file and line, as for a single experiment
 */
export async function expand(
  asWritten: Source | undefined,
  file: string | undefined,
  set: readonly string[] = [],
  { flags = {}, ...options }: Given & { readonly load?: boolean } = {},
): Promise<PlannedRun[]> {
  const given = [...(asWritten ? [asWritten] : []), setSource(set), flagSource(flags)]
  const { sources: all, ...own } = await withOwnRules(given, options)
  const { matrix, offered, variants, seeds } = readBatch(all, own.vocabulary)
  const singles = all.map((source) => ({
    ...source,
    values: omit(source.values, (key) => [...BATCH_KEYS, ...(variants ? [VARIANT] : [])].includes(key)),
  }))
  const lists = Object.fromEntries([...matrix].map(([key, { values }]) => [key, values]))
  assertBounded(
    file === undefined ? 'the command line' : fileName(file),
    singles.map(({ values }) => values),
    lists,
    seeds?.count ?? 1,
  )
  const last = (key: string) => singles.findLast(({ values }) => Object.hasOwn(values, key))?.values[key]
  const rest = {
    file,
    vocabulary: own.vocabulary,
    workersGiven: matrix.has('workers') || last('workers') !== undefined,
    nameGiven: matrix.has('name') || last('name') !== undefined,
  }
  const name = file === undefined && !rest.nameGiven ? sweepName(singles, [...matrix.keys()]) : undefined
  return combinations(lists, offered, own.vocabulary).flatMap(({ combination, idle }) => {
    const sources = all.flatMap((source, i): Source[] => [
      { ...singles[i]!, values: omit(singles[i]!.values, idle) },
      ...(variants?.source === source ? [variantSource(variants, String(combination[VARIANT]))] : []),
      {
        kind: source.kind,
        values: omit(combination, (key) => key === VARIANT || matrix.get(key)!.source !== source),
        where: (path) => source.where(['matrix', ...path.slice(0, 1)]),
      },
    ])
    const group = Object.entries(combination)
      .filter(([key]) => key !== 'seed')
      .map(([key, value]) => label(key in CHOICE_KEYS ? choiceLabel(value) : value))
      .join('-')
    const resolved = resolveExperiment(sources, file, own)
    const one = name === undefined ? resolved : { ...resolved, name }
    if (seeds === undefined) return [planned(one, { ...rest, group, cell: combination, sources })]
    return Array.from({ length: seeds.count }, (_, i) => {
      const seed = one.seed + i
      const { kind, where } = seeds.source
      const counted: Source = { kind, values: { seed }, where: () => where(['seeds']) }
      const cell = { ...combination, seed }
      return planned({ ...one, seed }, { ...rest, group, cell, sources: [...sources, counted] })
    })
  })
}

/** What a variant sets, as if it were written in place of it. */
const variantSource = ({ settings, source }: Variants, name: string): Source => ({
  kind: source.kind,
  values: settings[name] ?? {},
  where: (path) => source.where(['variants', name, ...path]),
})

/** The folder of runs that a command line alone asks for: another one for what else it fixes, and what it goes over. */
function sweepName(sources: readonly Source[], keys: readonly string[]): string {
  const fixed = sources.reduce<Record<string, unknown>>((under, { values }) => overlay(under, values), {})
  const told = Object.entries(omit(fixed, (key) => key === 'seed' || NEUTRAL.includes(key) || keys.includes(key)))
  const hash = createHash('sha256')
    .update(JSON.stringify([told.sort(), keys.toSorted()]))
    .digest('hex')
    .slice(0, 6)
  return `sweep-${
    keys
      .filter((key) => key !== 'seed')
      .join('-')
      .slice(0, 60) || 'seeds'
  }-${hash}`
}

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

/** A part, or several, with what options are beside the name: `dirichlet:alpha=0.3`. */
export const choiceLabel = (value: unknown) => (Array.isArray(value) ? value.map(choiceOf) : choiceOf(value))

const choiceOf = (value: unknown) =>
  isMapping(value) && Object.values(value).every(isMapping) ? choiceText(value as AnyChoice) : value
