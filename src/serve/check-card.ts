import { FedunifyError } from '../errors.ts'
import type { KnownOwner } from '../federation/nats/server-post.ts'
import type { ReplyOf } from '../federation/nats/wire.ts'

/**
 * @throws FedunifyError (training) if the counts of a card cannot be those of one shard: they weigh its updates, and
 *   stand in the manifest
 */
export function assertCard(card: ReplyOf<'card'>, { name, owner }: KnownOwner): void {
  const classes = card.dataset.class_names.length
  const counted = [
    ['train', card.train_labels, card.train_images],
    ['test', card.test_labels, card.test_images],
  ] as const
  for (const [what, labels, images] of counted) {
    if (!labels) continue
    const sum = labels.reduce((n, one) => n + one, 0)
    if (labels.length === classes && sum === images) continue
    const says = `it has ${images} images to ${what} of ${classes} classes, but counts ${sum} of ${labels.length}`
    const hint = 'ask the owner which data it has'
    throw new FedunifyError('E_OWNER_REFUSED', `owner ${name} says that ${says}`, hint, { owner })
  }
}
