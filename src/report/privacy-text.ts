import { significant } from '../format.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'

/** An ε rounded up, so that it is never said to be less than it is; `none` without noise. */
export function epsilonText(epsilon: number | undefined): string {
  if (epsilon === undefined) return 'none'
  const digits = epsilon < 1 ? 3 : 2
  return (Math.ceil(epsilon * 10 ** digits - 1e-9) / 10 ** digits).toFixed(digits)
}

/** What the noise of a run has cost, and for whom; undefined if it adds none. */
export function spentText({ manifest, privacy }: Pick<LoadedRun, 'manifest' | 'privacy'>): string | undefined {
  const { noise } = manifest
  const last = privacy?.at(-1)
  if (!noise || !last) return undefined
  const whom = noise.level === 'owner' ? 'an owner' : 'an image'
  if (last.epsilon === undefined) return `clipped to ${shortNumber(last.clip)}, without noise: no epsilon holds`
  const budget = noise.epsilon === null ? '' : ` of ${noise.epsilon}`
  const lost = noise.lost_rounds === 0 ? '' : `, ${noise.lost_rounds} of them begun and not finished`
  const how = `noise ${shortNumber(noise.noise)} x clip ${shortNumber(last.clip)}`
  const insecure = noise.randomness === 'system' ? '' : '; drawn from a test seed, which protects nobody'
  return `epsilon ${epsilonText(last.epsilon)}${budget} spent at delta ${noise.delta} for ${whom}: ${how}${lost}${insecure}`
}

/** Four digits at most. */
export const shortNumber = (value: number): string => significant(value, 4)
