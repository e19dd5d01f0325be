import { ownerAccount, ownerNoise } from '../config/owner-noise.ts'
import { recordAccount } from '../config/record-noise.ts'
import type { Experiment } from '../config/schema.ts'
import type { Account } from '../privacy/account.ts'
import type { NoiseDescription, RunDescription } from '../runs/run-description.ts'

/** What the noise of a run goes by. */
interface Facts {
  readonly experiment: Experiment
  readonly shards: RunDescription['shards']
}

/**
 * What the noise of a run costs; undefined if it adds none.
 * @param lost rounds that earlier processes began and did not finish
 */
export function accountOf({ experiment, shards }: Facts, lost: number): Account | undefined {
  if (experiment.privacy?.level !== 'record') return ownerAccount(experiment, lost)
  return recordAccount(
    experiment,
    shards.map(({ train }) => train),
    lost,
  )
}

const NOTES = {
  system: "its noise is of the system's generator: the run cannot be repeated bit for bit",
  'insecure-test-seed':
    'its noise follows from a seed: whoever knows it can take the noise away, so it protects nobody',
}

/** What a manifest says of noise. */
export function describeNoise(facts: Facts): NoiseDescription | undefined {
  const account = accountOf(facts, 0)
  if (!account) return undefined
  const { level, noise, delta, budget, clip } = account
  const { privacy } = facts.experiment
  const randomness = privacy?.['insecure-test-seed'] === undefined ? 'system' : 'insecure-test-seed'
  const ofOwners = ownerNoise(facts.experiment)
  return {
    level,
    noise,
    ...(ofOwners && { noise_by: ofOwners.by }),
    clip: ofOwners?.clip ?? clip,
    delta,
    epsilon: budget ?? null,
    randomness,
    note: NOTES[randomness],
    lost_rounds: 0,
  }
}
