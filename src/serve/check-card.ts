import type { Experiment } from '../config/schema.ts'
import { FedunifyError } from '../errors.ts'
import type { KnownOwner } from '../federation/nats/server-post.ts'
import type { ReplyOf } from '../federation/nats/wire.ts'

/**
 * @throws FedunifyError (training) if the counts of a card cannot be those of one shard: they weigh its updates, and
 *   are in the manifest
 */
export function assertCard(card: ReplyOf<'card'>, { name, owner }: KnownOwner): void {
  const refuse = (says: string) =>
    new FedunifyError('E_OWNER_REFUSED', `owner ${name} says that ${says}`, 'ask the owner which data it has', {
      owner,
    })
  // The number of images to test on is one of its metrics.
  if (card.metrics !== (card.test_images !== null)) {
    const images = card.metrics ? 'does not say how many images it has to test on' : 'counts its images to test on'
    throw refuse(`it shares ${card.metrics ? 'metrics' : 'no metrics'}, but ${images}`)
  }
  const classes = card.dataset.class_names.length
  const counted = [
    ['train', card.train_labels, card.train_images],
    ['test', card.test_labels, card.test_images ?? 0],
  ] as const
  for (const [what, labels, images] of counted) {
    if (!labels) continue
    const sum = labels.reduce((n, one) => n + one, 0)
    if (labels.length === classes && sum === images) continue
    throw refuse(`it has ${images} images to ${what} of ${classes} classes, but counts ${sum} of ${labels.length}`)
  }
}

/**
 * @throws FedunifyError (training) if an owner shares no metrics, but the experiment ends by its accuracy, or trains by it:
 *   an honest owner has refused that itself
 */
export function assertMetrics({ metrics }: ReplyOf<'card'>, experiment: Experiment, { name, owner }: KnownOwner): void {
  const key = (['stop-at', 'until-local-accuracy'] as const).find((one) => experiment[one] !== undefined)
  if (metrics || key === undefined) return
  const message = `owner ${name} shares no metrics, but ${key} needs its accuracy`
  throw new FedunifyError('E_OWNER_REFUSED', message, `leave out ${key}, or ask the owner`, { owner })
}

/** @throws FedunifyError (training) if an owner does not share numbers that a merge rule needs, as an honest one has said itself */
export function assertLabels({ train_labels }: ReplyOf<'card'>, asked: boolean, { name, owner }: KnownOwner): void {
  if (!asked || train_labels !== null) return
  const message = `owner ${name} does not share how many images of each class it has, which a merge rule needs`
  throw new FedunifyError('E_OWNER_REFUSED', message, 'use another rule, or ask the owner', { owner })
}
