import { drawnOwners, trainingOwners } from '../federation/drawn-owners.ts'
import type { Account } from '../privacy/account.ts'
import { epsilonAfter, noiseFor } from '../privacy/accountant/accountant.ts'
import { firstNorm, type OwnerNoise } from '../privacy/noise/owner-noise.ts'
import { range } from '../random.ts'
import type { Experiment } from './schema.ts'

/** What decides the noise of a run at the level of owners. */
type Asked = Pick<Experiment, 'privacy' | 'owners' | 'participants' | 'rounds' | 'seed'>

/** The δ at which ε is stated, if none is named. */
export const DELTA = 1e-5

const found = new WeakMap<Asked, OwnerNoise | undefined>()

/**
 * The noise that an experiment asks for at the level of owners; undefined if it asks for none there, or for an ε that no
 * noise reaches.
 */
export function ownerNoise(experiment: Asked): OwnerNoise | undefined {
  // It is looked for once, however many owners ask.
  if (!found.has(experiment)) found.set(experiment, settled(experiment))
  return found.get(experiment)
}

function settled(experiment: Asked): OwnerNoise | undefined {
  const { privacy } = experiment
  if (privacy?.level !== 'owner') return undefined
  const { clip, 'noise-by': by = 'server', 'insecure-test-seed': testSeed } = privacy
  const noise = privacy.noise ?? withinBudget(experiment)
  if (clip === undefined || noise === undefined) return undefined
  return {
    by,
    noise,
    clip: typeof clip === 'number' ? clip : clip.adaptive,
    owners: trainingOwners(experiment),
    testSeed,
  }
}

/** The least noise with which all rounds are within the asked ε; undefined if no noise is. */
export function withinBudget(experiment: Asked): number | undefined {
  const { privacy, rounds } = experiment
  const { epsilon, delta = DELTA } = privacy ?? {}
  if (epsilon === undefined) return undefined
  return noiseFor({ epsilon, delta, rate: 1, steps: paidRounds(experiment)(rounds) })
}

/**
 * What the noise at the level of owners costs. An owner pays for the rounds in which it trains: neighbouring runs differ
 * in the change of one owner, which is there or is 0 (zero-out; Kairouz et al. 2021, arXiv:2103.00039, definition 1.1),
 * and the sum is divided by a fixed number of owners, so that it differs by the clipping norm at most. The ε is that of
 * the owner who trains most. Owners are drawn in a fixed number, with a seed that everybody knows: nothing is hidden by
 * the draw, so that nothing is gained by it.
 * @param lost rounds that were begun, and not finished: what they added noise to may have been seen
 */
export function ownerAccount(experiment: Asked, lost = 0): Account | undefined {
  const noise = ownerNoise(experiment)
  if (!noise) return undefined
  const { epsilon: budget, delta = DELTA } = experiment.privacy!
  const paid = paidRounds(experiment)
  return {
    level: 'owner',
    noise: noise.noise,
    clip: firstNorm(noise),
    delta,
    budget,
    epsilonAfter: (rounds) => epsilonAfter({ noise: noise.noise, rate: 1, steps: paid(rounds) + lost, delta }),
  }
}

/** In how many of the first rounds the owner trains who trains in most of them. */
export function paidRounds({
  participants,
  seed,
  owners,
}: Pick<Experiment, 'participants' | 'seed' | 'owners'>): (rounds: number) => number {
  if (!participants) return (rounds) => rounds
  const all = [...range(owners)]
  const turns = new Uint32Array(owners)
  const most = [0]
  return (rounds) => {
    while (most.length <= rounds) {
      const drawn = drawnOwners({ seed, participants }, all, most.length)
      for (const owner of drawn) turns[owner]!++
      most.push(drawn.reduce((least, owner) => Math.max(least, turns[owner]!), most.at(-1)!))
    }
    return most[rounds]!
  }
}
