import type { MaskedParty } from '../masked-rounds.ts'
import type { Owner } from '../owner.ts'

/** An owner in this process, as the server of masked sums asks it. */
export function localParty({ card: { owner, trainImages: images }, masks }: Owner): MaskedParty {
  const own = masks!
  return {
    owner,
    images,
    before: async (round) => own.before(round),
    join: async (round) => own.join(round),
    share: async (_, keys) => await own.share(keys),
    sign: async (_, survivors) => own.sign(survivors),
    open: async (_, signed) => own.open(signed),
  }
}
