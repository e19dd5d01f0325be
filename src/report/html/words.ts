import { trainingOwners } from '../../federation/drawn-owners.ts'
import { thousands } from '../../format.ts'
import { choiceText, nameOf } from '../../parts.ts'
import { imagesIn } from '../../runs/run-description.ts'
import type { RunRecord } from '../run-record.ts'

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

/** 23 November 2026 */
export function dateInWords(iso: string): string {
  const [year, month, day] = iso.slice(0, 10).split('-')
  return `${Number(day)} ${MONTHS[Number(month) - 1]} ${year}`
}

/** When runs began: a day, or the first and the last. */
export function datesOf(runs: readonly RunRecord[]): string {
  const days = runs.map(({ manifest }) => manifest.started.slice(0, 10)).sort()
  const [first, last] = [days[0]!, days.at(-1)!]
  return first === last ? dateInWords(first) : `${dateInWords(first)} to ${dateInWords(last)}`
}

/** table4: avg, max and absmax, 2 owners, environment H */
export function titleOf({ manifest: { config } }: RunRecord): string {
  const rules = listed(config.merge.map(nameOf))
  return `${config.name}: ${rules}, ${config.owners} owners, environment ${nameOf(config.env)}`
}

/** a, b and c */
export const listed = (items: readonly string[]): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`

/** What a chapter is about. */
export function subtitle(runs: readonly RunRecord[]): string {
  const { config, dataset, shards, model } = runs[0]!.manifest
  const seeds = runs.map(({ manifest }) => manifest.config.seed)
  return [
    `environment ${choiceText(config.env)}`,
    config.participants
      ? `${trainingOwners(config)} of ${config.owners} owners in each round`
      : `${config.owners} owners`,
    `${dataset.name}, ${thousands(imagesIn(shards))} images`,
    `${typeof config.model === 'string' ? `model ${config.model}` : 'own model'}, ${thousands(model.parameters)} parameters`,
    `${seeds.length > 1 ? 'seeds' : 'seed'} ${seeds.join(', ')}`,
    `run on ${datesOf(runs)}`,
  ].join(' · ')
}
