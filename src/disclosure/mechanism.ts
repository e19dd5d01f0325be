import type { Experiment } from '../config/schema.ts'

type Privacy = Experiment['privacy']

/** What keeps an owner's update from those who read it; empty if nothing does. */
export function ofUpdate(privacy: Privacy): string {
  if (!privacy) return ''
  const { masks, level, 'noise-by': by } = privacy
  return [masks ? 'masked sums' : '', level === 'owner' ? ownerNoise(by) : '', level === 'record' ? RECORD : '']
    .filter(Boolean)
    .join(', ')
}

const RECORD = 'noise in each of its steps (record level)'

const ownerNoise = (by: NonNullable<Privacy>['noise-by']): string =>
  by === 'owners'
    ? 'clipped, and its share of the noise (owner level)'
    : 'clipped (owner level), noise comes at the server'

/** What keeps all owners from those who read the unified model. */
export const ofModel = (privacy: Privacy): string => (privacy?.level ? `noise at ${privacy.level} level` : '')
