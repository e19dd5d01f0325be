import { maskedRuleOf } from '../algorithm/make-algorithm.ts'
import { planSum } from '../algorithm/masked-plan.ts'
import type { Privacy } from '../config/privacy-schema.ts'
import type { Experiment } from '../config/schema.ts'
import { trainingOwners } from '../federation/drawn-owners.ts'
import { MaskedRounds } from '../federation/masked-rounds.ts'
import type { MaskSettings } from '../federation/owner-masks.ts'
import { KEY_BYTES, publicKey, rawPublic, secretKey } from '../privacy/masks/curve.ts'
import { fixedPointFor } from '../privacy/masks/fixed-point.ts'
import { JoinedRounds } from '../privacy/masks/joined-rounds.ts'
import { randomFor } from '../privacy/randomness.ts'
import type { MasksDescription } from '../runs/run-description.ts'

type AsksMasks = Parameters<typeof maskedRuleOf>[0] & {
  readonly privacy?: Pick<Privacy, 'masks' | 'insecure-test-seed'> | undefined
}

/** Masked sums of owners that are all in this process. */
export interface HereMasked {
  readonly cohort: MaskedRounds
  settings(owner: number): MaskSettings
}

/**
 * What owners in this process mask their updates by, if the experiment asks for it: the very same as on machines of
 * their own, but that their long-term keys are made for this process.
 */
export function maskedHere(experiment: AsksMasks, owners: readonly number[]): HereMasked | undefined {
  const rule = maskedRuleOf(experiment)
  if (!rule) return undefined
  const threshold = experiment.privacy?.masks?.threshold
  const seed = experiment.privacy?.['insecure-test-seed']
  const secrets = new Map(
    owners.map((owner) => [owner, secretKey('ed25519', randomFor(seed, 'identity', owner).bytes(KEY_BYTES))]),
  )
  const identities = new Map([...secrets].map(([owner, key]) => [owner, publicKey('ed25519', rawPublic(key))]))
  return {
    cohort: new MaskedRounds({
      run: Buffer.from(randomFor(seed, 'run').bytes(16)).toString('hex'),
      threshold,
      identities,
    }),
    settings: (owner) => ({
      who: { owner, identity: secrets.get(owner)!, identities, joined: new JoinedRounds(owner) },
      threshold,
      plan: (round) => planSum(rule, round),
      random: ({ round, attempt }) => randomFor(seed, 'mask key', owner, round, attempt),
    }),
  }
}

/** What a manifest says of masks. */
export function describeMasks(experiment: Experiment): MasksDescription | undefined {
  const masks = experiment.privacy?.masks
  if (!masks) return undefined
  const owners = trainingOwners(experiment)
  const { range, threshold } = masks
  return { owners, ...fixedPointFor(owners, range), range, ...(threshold !== undefined && { threshold }) }
}
