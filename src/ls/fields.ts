import { basename } from 'node:path'
import { isMapping } from '../config/mapping.ts'
import { CHOICE_KEYS, OPTION_KEYS } from '../config/parts/choice-keys.ts'
import { EXPERIMENT_KEYS } from '../config/schema.ts'
import { type AnyChoice, choiceText, nameOf, optionsOf } from '../parts.ts'
import type { RunGlance } from '../runs/read/glance.ts'
import { mean } from '../stats.ts'
import type { RunRow, SeededEstimate } from './row.ts'

/** What rows are filtered and sorted by: text, or a number. */
export type FieldValue = string | number

/** What a row has that is no key of its experiment. Accuracies are fractions, times seconds. */
const OWN_FIELDS: Readonly<Record<string, (row: RunRow) => FieldValue | readonly FieldValue[] | undefined>> = {
  name: ({ name }) => name,
  id: ({ runs }) => runs.map(({ path }) => basename(path)),
  path: ({ runs }) => runs.map(({ path }) => path),
  status: ({ runs }) => runs.map(({ manifest }) => manifest.status),
  rounds: ({ runs }) => runs.map(({ rounds }) => rounds),
  seed: ({ runs }) => runs.map(({ manifest }) => manifest.config.seed),
  started: (row) => startOf(row),
  time: (row) => secondsOf(row),
  unified: ({ unified, driver }) => unified.get(driver)?.end.mean,
  best: ({ unified, driver }) => unified.get(driver)?.best.mean,
  'best-round': ({ unified, driver }) => unified.get(driver)?.bestRounds,
}

/** Those that are accuracies, beside the series themselves. */
const ACCURACIES = ['unified', 'best']

/** When the first of its runs began (ISO 8601, UTC). */
export const startOf = ({ runs }: RunRow): string => runs.map(({ manifest }) => manifest.started).sort()[0]!

/** Seconds that a run took, the mean over those that say it. */
export function secondsOf({ runs }: RunRow): number | undefined {
  const all = runs.flatMap(({ manifest }) => manifest.seconds?.total ?? [])
  return all.length > 0 ? mean(all) : undefined
}

/** All that a field has in a row; nothing if the row has no such field. */
export function valuesOf(row: RunRow, field: string): readonly FieldValue[] {
  const own = Object.hasOwn(OWN_FIELDS, field) ? OWN_FIELDS[field] : undefined
  if (own) return [own(row) ?? []].flat()
  const accuracy = row.unified.get(field)
  if (accuracy) return [accuracy.end.mean]
  return configValues(row.runs[0]!, field)
}

function configValues({ manifest }: RunGlance, field: string): FieldValue[] {
  const config: Readonly<Record<string, unknown>> = { ...manifest.config }
  const option = OPTION_KEYS.find(({ long, short }) => long === field || short === field)
  if (option) {
    const chosen = [config[option.key] as AnyChoice | readonly AnyChoice[] | undefined].flat()
    const part = chosen.find((one) => one !== undefined && nameOf(one) === option.part)
    return part === undefined ? [] : [plain(optionsOf(part)[option.option])]
  }
  const [key = '', inner] = field.split('.')
  const value = Object.hasOwn(config, key) ? config[key] : undefined
  if (value === undefined) return []
  if (inner !== undefined) return isMapping(value) && Object.hasOwn(value, inner) ? [plain(value[inner])] : []
  if (!(key in CHOICE_KEYS)) return [plain(value)]
  const chosen = [value as AnyChoice | readonly AnyChoice[]].flat()
  const texts = chosen.map(choiceText)
  return [...new Set([texts.join('+'), texts.join(','), ...texts, ...chosen.map((one) => nameOf(one))])]
}

const plain = (value: unknown): FieldValue =>
  typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value)

/** Whether a field is an accuracy: then its values are fractions. */
export const isAccuracy = (rows: readonly RunRow[], field: string): boolean =>
  ACCURACIES.includes(field) || rows.some(({ unified }) => unified.has(field))

/** The accuracy that a field is of, over the seeds of a row; undefined if it is none, or the row has none. */
export function accuracyIn({ unified, driver }: RunRow, field: string): SeededEstimate | undefined {
  if (field === 'best') return unified.get(driver)?.best
  return unified.get(field === 'unified' ? driver : field)?.end
}

/** All fields that rows have or may have. */
export const fieldNames = (rows: readonly RunRow[]): string[] => [
  ...new Set([
    ...Object.keys(OWN_FIELDS),
    ...rows.flatMap(({ unified }) => [...unified.keys()]),
    ...EXPERIMENT_KEYS,
    ...OPTION_KEYS.flatMap(({ long, short }) => (short === undefined ? [long] : [short, long])),
  ]),
]
