import type { Experiment } from './schema.ts'

/** Where a run adds noise: to what owners send, or only to what the server makes of it. Undefined: nowhere. */
export function noiseIn({ privacy }: Pick<Experiment, 'privacy'>): 'sent' | 'merged' | undefined {
  if (privacy?.level === undefined) return undefined
  return privacy.level === 'record' || privacy['noise-by'] === 'owners' ? 'sent' : 'merged'
}
