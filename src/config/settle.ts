import { isMapping, omit, overlay } from './mapping.ts'
import { CHOICE_KEYS, type ChoiceKeys, OPTION_KEYS, optionKeys } from './parts/choice-keys.ts'
import { chosenParts } from './parts/chosen-parts.ts'
import type { Origin, Source } from './source.ts'

/** What sources give together, later ones over earlier ones. */
export interface Settled {
  /** For the schema: every part under its key, with its options. */
  readonly values: Readonly<Record<string, unknown>>
  /** Who gave a value, or what it is in; undefined if nobody did. */
  origin(path: readonly PropertyKey[]): Origin | undefined
  /** Whether it was given itself. */
  isGiven(path: readonly PropertyKey[]): boolean
}

/**
 * Lays sources over one another. A part that a later source chooses takes the place of an earlier one, which goes with
 * its options; of the same part, options are joined.
 * @throws FedunifyError (usage) for an option of a part that was not chosen, with the place where it was written
 */
export function settle(sources: readonly Source[], choices: ChoiceKeys = CHOICE_KEYS): Settled {
  const options = choices === CHOICE_KEYS ? OPTION_KEYS : optionKeys(choices)
  const chosen = new Map(
    Object.entries(choices).map(([key, choice]) => [key, chosenParts(key, choice, options, sources)] as const),
  )
  const ofParts = (key: string) => chosen.has(key.split('.')[0]!) || options.some(({ short }) => short === key)
  const plain = laterParticipants(laterEpochs(sources)).map((source) => ({
    ...source,
    values: omit(source.values, ofParts),
  }))
  const merged = plain.reduce<Record<string, unknown>>((under, { values }) => overlay(under, values), {})
  const values = new Map(Object.entries(merged))
  for (const [key, { value }] of chosen) if (value !== undefined) values.set(key, value)
  return {
    values: Object.fromEntries(values),
    origin: (path) => chosen.get(String(path[0]))?.origin(path) ?? plainOrigin(plain, path).origin,
    isGiven: (path) => chosen.get(String(path[0]))?.isGiven(path) ?? plainOrigin(plain, path).all,
  }
}

/** The source whose value counts, the last that gives it, mappings looked into; and whether it gives the whole path. */
function plainOrigin(
  sources: readonly Source[],
  path: readonly PropertyKey[],
): { origin: Origin | undefined; all: boolean } {
  let given = sources.map((source): { source: Source; value: unknown } => ({ source, value: source.values }))
  let found: Source | undefined
  let all = true
  for (const key of path.map(String)) {
    given = given.flatMap(({ source, value }) =>
      isMapping(value) && Object.hasOwn(value, key) ? [{ source, value: value[key] }] : [],
    )
    const last = given.at(-1)
    all = last !== undefined && last.value !== undefined
    if (last) found = last.source
    if (!isMapping(last?.value)) break
    given = given.slice(given.findLastIndex(({ value }) => value === undefined) + 1)
  }
  return { origin: found && { source: found, place: found.where(path), key: path.map(String).join('.') }, all }
}

/**
 * A round of training ends after `local-epochs`, or at `until-local-accuracy` and after `max-local-epochs` at the
 * latest: a later source that gives one of the two takes back the other.
 */
function laterEpochs(sources: readonly Source[]): Source[] {
  const gives = ({ values }: Source, key: string) => values[key] !== undefined
  return sources.map((source, i) => {
    const later = sources.slice(i + 1)
    const byAccuracy = later.some((other) => gives(other, 'until-local-accuracy'))
    const byEpochs = later.some(
      (other) =>
        gives(other, 'local-epochs') ||
        ('until-local-accuracy' in other.values && other.values['until-local-accuracy'] === undefined),
    )
    const over = [
      ...(byAccuracy ? ['local-epochs'] : []),
      ...(byEpochs ? ['until-local-accuracy', 'max-local-epochs'] : []),
    ]
    return { ...source, values: omit(source.values, (key) => over.includes(key)) }
  })
}

/** A later source that gives a fraction of the owners, or a count, takes back what an earlier one gave of the two. */
function laterParticipants(sources: readonly Source[]): Source[] {
  const last = sources.findLastIndex(({ values }) => isMapping(values.participants))
  return sources.map((source, i) =>
    i < last ? { ...source, values: omit(source.values, (key) => key === 'participants') } : source,
  )
}
