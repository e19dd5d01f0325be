import type { Evaluation, Progress } from '../../engine/engine.ts'
import { toWire } from '../nats/evaluations.ts'
import type { Content } from '../nats/wire.ts'
import type { OwnUpdate } from '../owner.ts'

/** What owners in this process would send over a network, typed by the messages of one: all of it, as without a policy. */
export const wouldSend = {
  update: (
    { trainImages, epochs, images, seconds, loss, local, received }: OwnUpdate,
    round: number,
  ): Omit<Content<'update'>, 'payload'> => ({
    round,
    attempt: 0,
    train_images: trainImages,
    epochs,
    images,
    seconds,
    metrics: { loss, local: local ? toWire(local) : null, received: received ? toWire(received) : null },
  }),
  /** An evaluation belongs to no round on its way: the task says which model it is of. */
  evaluation: (evaluation: Evaluation): Content<'evaluation'> => ({ round: 0, evaluation: toWire(evaluation) }),
  progress: ({ epoch, epochs, images, total, loss }: Progress) => ({ epoch, epochs, images, total, loss }),
}
