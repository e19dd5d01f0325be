import { CHOICE_KEYS, SHORT_KEYS } from '../config/parts/choice-keys.ts'
import { type Experiment, ExperimentSchema } from '../config/schema.ts'
import { type AnyChoice, choicesText, nameOf } from '../parts.ts'
import { sharedPath } from '../system/shared-path.ts'

/** A key of an experiment, and its value as text. */
type ConfigPair = readonly [name: string, value: string]

/** Every key of the experiment that counts: those that were set, and those that are as by default. */
export function configPairs(config: Experiment): { changed: ConfigPair[]; defaults: ConfigPair[] } {
  const given: Record<string, unknown> = ExperimentSchema.parse({})
  const pairs = Object.entries(config)
    .filter(([name]) => !isIdle(config, name))
    .map(([name, value]) => {
      const isDefault = DERIVED.includes(name) || JSON.stringify(given[name]) === JSON.stringify(value)
      // Runs of before 0.5.0 have folders as they were typed.
      const shown = name === 'data' || name === 'out' ? sharedPath(String(value)) : value
      const pair: ConfigPair = [name, name in CHOICE_KEYS ? choicesText(value as AnyChoice) : plain(shown)]
      return { isDefault, pair }
    })
  const of = (wanted: boolean) => pairs.filter(({ isDefault }) => isDefault === wanted).map(({ pair }) => pair)
  return { changed: of(false), defaults: of(true) }
}

/** Keys whose default depends on others. */
const DERIVED = ['name', 'owners', 'workers', 'seed']

/** Whether a key is an option of something that was not chosen: configs of before 0.4.0 have such. */
function isIdle(config: Experiment, name: string): boolean {
  if (name === 'max-local-epochs') return config['until-local-accuracy'] === undefined
  const option = SHORT_KEYS.find(({ short }) => short === name)
  if (!option) return false
  const chosen = [config[option.key as keyof Experiment]].flat() as AnyChoice[]
  return !chosen.some((choice) => nameOf(choice) === option.part)
}

function plain(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ')
  if (Array.isArray(value)) return value.map((item) => describe(item)).join('; ')
  return typeof value === 'object' && value !== null ? describe(value) : String(value)
}

/** "conv2d, filters 32, kernel 3": what an object holds, its type first. */
export function describe(object: object): string {
  return Object.entries(object)
    .map(([name, value]) =>
      name === 'type' ? String(value) : `${name} ${Array.isArray(value) ? value.join('+') : value}`,
    )
    .join(', ')
}
