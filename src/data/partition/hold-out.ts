import { FedunifyError } from '../../errors.ts'
import { shuffle, stream } from '../../random.ts'
import type { Shard } from '../dataset.ts'

/**
 * The shard of an experiment whose settings are still to be chosen: a share of the images to train on is held out and
 * evaluated on, and the test images are not looked at. Its draw does not depend on any other owner's images.
 * @param share above 0 and below 1; at least one image is held out
 * @throws FedunifyError (usage) if no image is left to train on
 */
export function holdOut({ owner, train }: Shard, share: number, seed: number): Shard {
  const held = Math.max(1, Math.round(share * train.length))
  if (held >= train.length) {
    throw new FedunifyError(
      'E_PARTITION',
      `validation ${share} leaves owner ${owner} none of its ${train.length} images to train on`,
      'use a smaller share, fewer owners, or more images',
    )
  }
  const shuffled = shuffle(train.slice(), stream(seed, 'validation', owner))
  return { owner, train: shuffled.slice(held), test: shuffled.slice(0, held) }
}
