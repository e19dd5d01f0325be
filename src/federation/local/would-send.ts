import type { Evaluation, Progress } from '../../engine/engine.ts'
import { toWire, updateToWire } from '../nats/evaluations.ts'
import type { Content } from '../nats/wire.ts'
import type { OwnUpdate } from '../owner.ts'

/** What owners in this process would send over a network, typed by the messages of one: all of it, as without a policy. */
export const wouldSend = {
  update: (update: OwnUpdate, round: number): Omit<Content<'update'>, 'payload'> => ({
    round,
    attempt: 0,
    ...updateToWire(update),
  }),
  /** An evaluation belongs to no round on its way: the task says which model it is of. */
  evaluation: (evaluation: Evaluation): Content<'evaluation'> => ({ round: 0, evaluation: toWire(evaluation) }),
  progress: ({ epoch, epochs, images, total, loss }: Progress) => ({ epoch, epochs, images, total, loss }),
}
