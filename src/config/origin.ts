import { KEY_GROUPS } from './groups.ts'
import { type Experiment, ExperimentSchema } from './schema.ts'
import { isMapping, type Source } from './source.ts'

/** The source whose value counts, the last that gives it, mappings looked into; and whether it gives the whole path. */
function giver(sources: readonly Source[], path: readonly PropertyKey[]): { source: Source | undefined; all: boolean } {
  let given = sources.map((source): { source: Source; value: unknown } => ({ source, value: source.values }))
  let found: Source | undefined
  for (const key of path.map(String)) {
    given = given.flatMap(({ source, value }) =>
      isMapping(value) && Object.hasOwn(value, key) ? [{ source, value: value[key] }] : [],
    )
    const last = given.at(-1)
    if (!last) return { source: found, all: false }
    found = last.source
    if (!isMapping(last.value)) break
  }
  return { source: found, all: true }
}

/** Where the value that counts was written; where it is missing, where it should have been. */
export function whereIs(sources: readonly Source[], path: readonly PropertyKey[]): string {
  return (giver(sources, path).source ?? sources[0]!).where(path)
}

/** One value of a resolved experiment. */
export interface Setting {
  /** The key; within a mapping with a dot, as --set takes it. */
  readonly key: string
  /** Undefined where it is not set. */
  readonly value: unknown
  /** `derived` from other values or from the machine. */
  readonly from: Source['kind'] | 'default' | 'derived' | 'not set'
  /** Where it was written: «exp.yaml:3», «--set lr», «--lr». */
  readonly place: string | undefined
}

/** Every value of an experiment with where it came from, in the order of `run --help`. */
export function settings(experiment: Experiment, sources: readonly Source[]): Setting[] {
  const values: Readonly<Record<string, unknown>> = experiment
  const defaults: Readonly<Record<string, unknown>> = ExperimentSchema.parse({})
  return KEY_GROUPS.flatMap(({ keys }) => keys).flatMap((key) => {
    const value = values[key]
    if (isMapping(value)) return Object.entries(value).map(([inner, v]) => setting([key, inner], v, true, sources))
    return [setting([key], value, defaults[key] !== undefined, sources)]
  })
}

function setting(path: readonly string[], value: unknown, hasDefault: boolean, sources: readonly Source[]): Setting {
  const { source, all } = giver(sources, path)
  const key = path.join('.')
  if (source && all) return { key, value, from: source.kind, place: source.where(path) }
  const from = value === undefined ? 'not set' : hasDefault ? 'default' : 'derived'
  return { key, value, from, place: undefined }
}
