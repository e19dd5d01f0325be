import { type AnyChoice, nameOf, optionsOf } from '../parts.ts'
import { KEY_GROUPS } from './groups.ts'
import { isMapping } from './mapping.ts'
import { CHOICE_KEYS } from './parts/choice-keys.ts'
import { type Experiment, ExperimentSchema } from './schema.ts'
import { type Settled, settle } from './settle.ts'
import type { Source } from './source.ts'
import { REGISTRIES, type Vocabulary } from './vocabulary.ts'

/** One value of a resolved experiment. */
export interface Setting {
  /** The key; within a mapping with a dot, as --set takes it. */
  readonly key: string
  /** Undefined if it is not set. */
  readonly value: unknown
  /** `derived` from other values or from the machine. */
  readonly from: Source['kind'] | 'default' | 'derived' | 'not set'
  /** Where it was written: "exp.yaml:3", "--set lr", "--lr". */
  readonly place: string | undefined
}

/** Every value of an experiment with where it came from, in the order of `run --help`. */
export function settings(
  experiment: Experiment,
  sources: readonly Source[],
  { choices }: Pick<Vocabulary, 'choices'> = REGISTRIES,
): Setting[] {
  const values: Readonly<Record<string, unknown>> = experiment
  const defaults: Readonly<Record<string, unknown>> = ExperimentSchema.parse({})
  const settled = settle(sources, choices)
  return KEY_GROUPS.flatMap(({ keys }) => keys).flatMap((key) => {
    const value = values[key]
    if (isChoice(key)) return choiceSettings(key, (value ?? CHOICE_KEYS[key].default) as Chosen, settled)
    if (isMapping(value)) {
      return Object.entries(value).map(([inner, v]) => setting(`${key}.${inner}`, [key, inner], v, true, settled))
    }
    return [setting(key, [key], value, defaults[key] !== undefined, settled)]
  })
}

type Chosen = AnyChoice | readonly AnyChoice[]

const isChoice = (key: string): key is keyof typeof CHOICE_KEYS => key in CHOICE_KEYS

/** The parts by name, and each of their options. */
function choiceSettings(key: string, value: Chosen, settled: Settled): Setting[] {
  const isList = Array.isArray(value)
  const chosen: readonly AnyChoice[] = isList ? value : [value as AnyChoice]
  const names = chosen.map(nameOf)
  const options = chosen.flatMap((one, i) => {
    const name = nameOf(one)
    return Object.entries(optionsOf(one)).map(([option, of]) =>
      setting(`${key}.${name}.${option}`, [key, ...(isList ? [i] : []), name, option], of, true, settled),
    )
  })
  return [setting(key, [key], isList ? names : names[0], true, settled), ...options]
}

function setting(
  key: string,
  path: readonly PropertyKey[],
  value: unknown,
  hasDefault: boolean,
  settled: Settled,
): Setting {
  const origin = settled.isGiven(path) ? settled.origin(path) : undefined
  if (origin) return { key, value, from: origin.source.kind, place: origin.place }
  const from = value === undefined ? 'not set' : hasDefault ? 'default' : 'derived'
  return { key, value, from, place: undefined }
}
