import type { NamedWeights } from '../../weights/named.ts'
import { numberAsWeights, weightsAsNumber } from '../../weights/number.ts'
import { copyWeights, type Weights } from '../../weights/weights.ts'
import { randomFor } from '../randomness.ts'
import { addNoise } from './add-noise.ts'
import { clipChange } from './clip.ts'
import { firstNorm, NORM, type OwnerNoise, PRIVACY, splitOf, WITHIN } from './owner-noise.ts'

/** A round at an owner. */
interface OwnRound {
  readonly round: number
  readonly owner: number
  readonly received: Weights
  readonly trained: Weights
  /** What the server has sent with the model: an adaptive norm is there. */
  readonly instruction: NamedWeights
}

/** What an owner hands in of what it has trained: its change clipped, with its share of the noise if the owners add it. */
export function handedIn(
  noise: OwnerNoise,
  { round, owner, received, trained, instruction }: OwnRound,
): { readonly weights: Weights; readonly sent: NamedWeights } {
  const { by, clip, owners, testSeed } = noise
  const norm = typeof clip === 'number' ? firstNorm(noise) : weightsAsNumber(instruction[PRIVACY + NORM]!)
  const { weights: clipped, within } = clipChange(received, trained, norm)
  const { update, count } = splitOf(noise)
  const random = randomFor(testSeed, 'noise', round, owner)
  // So many shares add up to the variance of the whole.
  const share = by === 'owners' ? 1 / Math.sqrt(owners) : 0
  const weights = share === 0 ? clipped : copyWeights(clipped)
  addNoise(weights, update * norm * share, random)
  if (typeof clip === 'number') return { weights, sent: {} }
  const counted = (within ? 1 : 0) + count * share * random.gaussian()
  return { weights, sent: { [PRIVACY + WITHIN]: numberAsWeights(counted) } }
}
