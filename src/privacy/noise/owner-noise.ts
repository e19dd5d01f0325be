/** A norm that follows the updates (Andrew, Thakkar, McMahan, Ramaswamy 2021, arXiv:1905.03871). */
export interface AdaptiveClip {
  /** Share γ of the owners whose changes shall be within the norm. */
  readonly quantile: number
  /** The norm of the first round. */
  readonly start: number
  /** η: how fast it follows. */
  readonly rate: number
}

/** Differential privacy of all that an owner has: its change of the model is clipped, and noise is added to the sum. */
export interface OwnerNoise {
  /** Who adds the noise: the server to the sum, or each owner a share of it to its own change. */
  readonly by: 'server' | 'owners'
  /** z: standard deviation of the noise on a round's sum, in units of the clipping norm; 0 for none. */
  readonly noise: number
  /** The most that an owner's change may measure (L2 norm over all tensors), or how that is found. */
  readonly clip: number | AdaptiveClip
  /** Owners of a round. The sum is divided by this number, however many of them hand in a change. */
  readonly owners: number
  /** Noise is drawn from this instead of from the system: for tests. */
  readonly testSeed?: number | undefined
}

/** The norm with which the first round clips. */
export const firstNorm = ({ clip }: Pick<OwnerNoise, 'clip'>): number => (typeof clip === 'number' ? clip : clip.start)

/** What a round's noise is spent on, in units of the clipping norm and of owners. */
export interface Split {
  /** On the sum of the changes. */
  readonly update: number
  /** On the number of owners that are within the norm; 0 if nobody counts them. */
  readonly count: number
}

/**
 * Without an adaptive norm all of it is spent on the update. With one, an owner's change and its part in the count are
 * two queries whose noise must be z together: z_Δ = (z^-2 - (2 σ_b)^-2)^(-1/2) (section 3, theorem 1), with σ_b = N / 20
 * as there, but at least z: of few owners the count would take all of it.
 */
export function splitOf({ noise, clip, owners }: Pick<OwnerNoise, 'noise' | 'clip' | 'owners'>): Split {
  if (typeof clip === 'number' || noise === 0) return { update: noise, count: 0 }
  const count = Math.max(owners / 20, noise)
  return { update: (noise ** -2 - (2 * count) ** -2) ** -0.5, count }
}

/** The name of the norm in the server's state and in what owners are sent, and of the count in what they send. */
export const NORM = 'norm'
export const WITHIN = 'within'

/** What these are called beside the states of others. */
export const PRIVACY = 'privacy/'
