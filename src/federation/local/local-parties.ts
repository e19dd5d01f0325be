import type { OwnerCard } from '../cohort.ts'
import type { MaskedParty } from '../masked-rounds.ts'
import type { SumMember } from '../sum-member.ts'

/** An owner in this process, as the server of masked sums asks it. */
export const localParty = (
  { owner, trainImages: images }: Pick<OwnerCard, 'owner' | 'trainImages'>,
  own: SumMember,
): MaskedParty => ({
  owner,
  images,
  before: async (round) => own.before(round),
  join: async (round) => own.join(round),
  share: async (_, keys) => await own.share(keys),
  sign: async (_, survivors) => own.sign(survivors),
  open: async (_, signed) => own.open(signed),
})
