import { FedunifyError } from '../../../errors.ts'
import { rawPublic, secretKey } from '../curve.ts'
import { addMask } from '../keystream.ts'
import type { MaskedRound } from '../masked-round.ts'
import { addPairMasks } from '../pair-masks.ts'
import { ringOf } from '../ring.ts'
import { base64Of, bytesOf, type VerifiedKeys } from '../signed-key.ts'
import { ownMaskKey } from './own-mask.ts'
import { hashOf, secretOf } from './secret-shares.ts'
import type { OpenedShare } from './tolerant-owner.ts'

/** What takes the masks off a sum of those owners that survived. */
export interface Unmasking {
  readonly survivors: readonly number[]
  /** Changes a sum of the survivors' vectors into that of what they masked. */
  unmask(sum: Uint32Array): void
}

/**
 * The secrets behind the masks that are left in a sum, out of the survivors' shares.
 * @param keys of all owners of the round, verified
 * @param opened shares, by the owner that has handed them out
 * @throws FedunifyError (training) naming an owner of whose secret there are too few shares, or wrong ones
 */
export async function unmaskingOf(
  round: MaskedRound,
  keys: VerifiedKeys,
  survivors: readonly number[],
  opened: ReadonlyMap<number, readonly OpenedShare[]>,
): Promise<Unmasking> {
  const secrets = new Map<number, Uint8Array>()
  for (const signed of keys.values()) {
    const survived = survivors.includes(signed.owner)
    const shares = [...opened.values()].flatMap((all) => all.filter(({ of }) => of === signed.owner))
    const isRight = (secret: Uint8Array) =>
      survived
        ? base64Of(hashOf(secret)) === signed.seed
        : base64Of(rawPublic(secretKey('x25519', secret))) === signed.key
    const enough = shares.slice(0, round.threshold).map(({ share }) => bytesOf(share))
    const secret = enough.length < round.threshold! ? undefined : await secretOf(enough, isRight)
    if (!secret) throw refusal(round, signed.owner, survived, enough.length < round.threshold!)
    secrets.set(signed.owner, secret)
  }
  const surviving = new Map([...keys].filter(([owner]) => survivors.includes(owner)))
  return {
    survivors,
    unmask(sum) {
      for (const [owner, secret] of secrets) {
        if (surviving.has(owner)) addMask(sum, ownMaskKey(round, owner, secret), -1, ringOf(round))
        // The pairs' masks of one that was lost are in the sum with the survivors' signs: its own take them off.
        else addPairMasks(sum, { round, owner, secret: secretKey('x25519', secret), keys: surviving })
      }
    },
  }
}

function refusal({ round, threshold }: MaskedRound, owner: number, survived: boolean, few: boolean) {
  const secret = survived ? `seed of the own mask of owner ${owner}` : `key of owner ${owner}, who was lost`
  const why = few ? `there are fewer than ${threshold} shares of it` : 'a share of it is not right'
  const message = `round ${round}: the sum cannot be unmasked without the ${secret}: ${why}`
  return new FedunifyError('E_UPDATE', message, 'the round can be done again, with the same owners', { owner, round })
}
