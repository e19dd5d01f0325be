import { maskedRuleOf } from '../algorithm/make-algorithm.ts'
import { planSum } from '../algorithm/masked-plan.ts'
import { headRange } from '../config/head-range.ts'
import type { Privacy } from '../config/privacy-schema.ts'
import type { Experiment } from '../config/schema.ts'
import { trainingOwners } from '../federation/drawn-owners.ts'
import type { HeadMasks } from '../federation/local/masked-sums.ts'
import { MaskedRounds } from '../federation/masked-rounds.ts'
import { digitsOf, OwnerHeadMasks } from '../federation/owner-head-masks.ts'
import type { MaskSettings } from '../federation/owner-masks.ts'
import { KEY_BYTES, publicKey, rawPublic, secretKey } from '../privacy/masks/curve.ts'
import { fixedPointFor } from '../privacy/masks/fixed-point.ts'
import { JoinedRounds } from '../privacy/masks/joined-rounds.ts'
import type { MaskedRound } from '../privacy/masks/masked-round.ts'
import { randomFor } from '../privacy/randomness.ts'
import type { MasksDescription, ShardDescription } from '../runs/run-description.ts'

type AsksMasks = Parameters<typeof maskedRuleOf>[0] & {
  readonly privacy?: Pick<Privacy, 'masks' | 'insecure-test-seed'> | undefined
}

/** Masked sums of owners that are all in this process. */
export interface HereMasked {
  readonly cohort: MaskedRounds
  settings(owner: number): MaskSettings
  /** If a head is fitted: what masks its sums. */
  readonly head: HeadMasks | undefined
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
  const asked = { run: Buffer.from(randomFor(seed, 'run').bytes(16)).toString('hex'), threshold, identities }
  const settings = (owner: number, secret: string) => ({
    who: { owner, identity: secrets.get(owner)!, identities, joined: new JoinedRounds(owner) },
    threshold,
    random: ({ round, attempt }: MaskedRound) => randomFor(seed, secret, owner, round, attempt),
  })
  const range = headRange(experiment)
  return {
    cohort: new MaskedRounds(asked),
    settings: (owner) => ({ ...settings(owner, 'mask key'), plan: (round) => planSum(rule, round) }),
    head:
      range === undefined
        ? undefined
        : {
            rounds: new MaskedRounds({ ...asked, of: 'head' }),
            range,
            members: new Map(
              owners.map((owner) => [owner, new OwnerHeadMasks(settings(owner, 'mask key of a head'), range)]),
            ),
          },
  }
}

/** What a manifest says of masks. */
export function describeMasks(
  experiment: Experiment,
  shards: readonly Pick<ShardDescription, 'owner' | 'train'>[],
): MasksDescription | undefined {
  const masks = experiment.privacy?.masks
  if (!masks) return undefined
  const owners = trainingOwners(experiment)
  const { range, threshold } = masks
  const point = { owners, ...fixedPointFor(owners, range), range, ...(threshold !== undefined && { threshold }) }
  const headed = headRange(experiment)
  if (headed === undefined) return point
  const all = shards.map(({ owner, train: images }) => ({ owner, images }))
  return { ...point, head: { bits: 64, scale: 2 ** digitsOf({ owners: all }, headed), range: headed } }
}
