import type { NamedWeights } from '../../weights/named.ts'
import { numberAsWeights, weightsAsNumber } from '../../weights/number.ts'
import type { Weights } from '../../weights/weights.ts'
import { randomFor } from '../randomness.ts'
import { addNoise } from './add-noise.ts'
import { type AdaptiveClip, firstNorm, NORM, type OwnerNoise, splitOf, WITHIN } from './owner-noise.ts'

/** A round's mean as it came, before anybody sees it. */
interface Averaged {
  readonly round: number
  /** The model that all owners received. */
  readonly base: Weights
  /** The mean of what they handed in; it is changed. */
  readonly mean: Weights
  /** How many handed in. */
  readonly present: number
  /** The mean of what they sent with it. */
  readonly sent: NamedWeights
}

/** The server's part of noise at the level of owners. Its state is the norm of the next round, if that is adaptive. */
export class ServerNoise {
  readonly #noise: OwnerNoise

  constructor(noise: OwnerNoise) {
    this.#noise = noise
  }

  start(): NamedWeights {
    return typeof this.#noise.clip === 'number' ? {} : { [NORM]: numberAsWeights(this.#noise.clip.start) }
  }

  /** The norm with which a round clips. */
  norm(state: NamedWeights): number {
    const adapted = state[NORM]
    return adapted ? weightsAsNumber(adapted) : firstNorm(this.#noise)
  }

  /**
   * Makes of the mean of the owners' changes their sum over a fixed number of owners: whoever is added or removed changes
   * that sum by the norm at most, and nothing else. Then it adds the server's noise, in place.
   * @returns the next state
   */
  step(state: NamedWeights, { round, base, mean, present, sent }: Averaged): NamedWeights {
    const { by, clip, owners, testSeed } = this.#noise
    const { update, count } = splitOf(this.#noise)
    const norm = this.norm(state)
    const random = randomFor(testSeed, 'noise', round)
    if (present !== owners) scaleChange(mean, base, present / owners)
    const whole = by === 'server' ? 1 : 0
    addNoise(mean, (whole * update * norm) / owners, random)
    if (typeof clip === 'number') return {}
    const within = weightsAsNumber(sent[WITHIN]!) * present
    const noisy = within + whole * count * random.gaussian()
    return { [NORM]: numberAsWeights(adapted(norm, (noisy - present / 2) / owners + 1 / 2, clip)) }
  }
}

/** C ← C e^(-η (b - γ)) (algorithm 1), where b is the noisy share of owners that are within C. */
export const adapted = (norm: number, within: number, { rate, quantile }: AdaptiveClip): number =>
  norm * Math.exp(-rate * (within - quantile))

function scaleChange(mean: Weights, base: Weights, factor: number): void {
  for (const [name, { data }] of mean) {
    const from = base.get(name)!.data
    for (let i = 0; i < data.length; i++) data[i] = from[i]! + factor * (data[i]! - from[i]!)
  }
}
