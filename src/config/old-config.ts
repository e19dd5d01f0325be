import { createHash } from 'node:crypto'
import { NEUTRAL } from './hash.ts'
import { omit } from './mapping.ts'

/** Keys that were in every config before options stood with their parts, whether they had anything to do or not. */
const ALWAYS = [
  'optimizer',
  'momentum',
  'lr-schedule',
  'lr-step-rounds',
  'lr-step-factor',
  'max-local-epochs',
  'owners',
]

type Config = Readonly<Record<string, unknown>>

/** Whether a config was written by fedunify 0.1 to 0.3, to a run folder's manifest.json or config.yaml. */
export const isOldConfig = (config: Config): boolean => ALWAYS.every((key) => key in config)

/** SHA-256 (hex) as those versions made it: sorted by key at the first depth alone. */
export function oldConfigHash(config: Config): string {
  const decisive = Object.entries(omit(config, (key) => NEUTRAL.includes(key)))
  const sorted = Object.fromEntries(decisive.sort(([a], [b]) => (a < b ? -1 : 1)))
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex')
}

/** Keys that came after the first version, as what could not be chosen then was. */
const LATER = { objective: 'cross-entropy', server: 'none', device: 'auto', layout: 'auto' }

/** A config with what could not be chosen when it was written: keys that came later, at their defaults. */
export const withLaterKeys = <C extends object>(config: C): C & typeof LATER => ({
  ...LATER,
  ...config,
})

/**
 * A config of those versions in the form of this one: options stand with the part that was chosen, and those of parts
 * that were not are left out, for they did nothing. What could not be chosen then is named.
 */
export function upgradeConfig(old: Config): Record<string, unknown> {
  const { labels, alpha, momentum, 'lr-step-rounds': rounds, 'lr-step-factor': factor, ...config } = old
  const upgraded: Record<string, unknown> = omit(
    withLaterKeys(config),
    (key) => key === (old['until-local-accuracy'] === undefined ? 'max-local-epochs' : 'local-epochs'),
  )
  if (old.env === 'labels') upgraded.env = { labels: { lists: labels } }
  if (old.env === 'dirichlet') upgraded.env = { dirichlet: { alpha } }
  if (old.optimizer === 'momentum') upgraded.optimizer = { momentum: { momentum } }
  if (old['lr-schedule'] === 'step') upgraded['lr-schedule'] = { step: { rounds, factor } }
  return upgraded
}
