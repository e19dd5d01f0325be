import { EventEmitter, on } from 'node:events'
import type { Evaluation, Trained } from '../../engine/engine.ts'
import type { Weights } from '../../weights/weights.ts'
import type { OwnerProgress, OwnerTrained } from '../events.ts'
import type { Owner } from './owner.ts'

/** Who trains in a round, and from which weights. */
export interface Party {
  readonly owner: Owner
  readonly held: () => Weights
  /** Those weights on its own test set; asked for once it has trained, so that no training waits for it. */
  readonly copied?: ((held: Weights) => Promise<Evaluation>) | undefined
}

export interface TrainingRound {
  readonly round: number
  readonly lr: number
  /** Owners that train at the same time. */
  readonly workers: number
  /** Trains beside the owners; its weights go to `takePooled`. */
  readonly baseline: Party | undefined
  /** Takes the weights of an owner, in the parties' order; afterwards they are let go here. */
  take(party: Party, weights: Weights): void
  takePooled(weights: Weights): void
}

/**
 * For each worker, owners that may be done before one that is slow. Few hold little memory; with fewer still, workers
 * stand idle where the shards are uneven.
 */
export const AHEAD = 4

/**
 * Trains all parties, telling of their progress as it comes; resolves to what they tell of themselves, in their order.
 * Weights are taken in that order too, whoever is done first, and a party begins only once all but AHEAD * `workers`
 * of those before it were taken: one more than that is how many models of owners wait here at a time.
 */
export async function* trainAll(
  parties: readonly Party[],
  plan: TrainingRound,
): AsyncGenerator<OwnerProgress | OwnerTrained, { owners: OwnerTrained[]; baseline: OwnerTrained | undefined }> {
  const emitter = new EventEmitter()
  const events = on(emitter, 'event', { close: ['done'] })
  const owners: OwnerTrained[] = []
  const waiting = new Map<number, Weights>()
  let baseline: OwnerTrained | undefined
  let begun = 0
  let taken = 0
  let over = false
  let failure: { readonly error: unknown } | undefined

  const { round, lr } = plan
  const train = async (party: Party, done: (event: OwnerTrained, weights: Weights) => void) => {
    const { owner, copied } = party
    const report = { type: 'owner-progress', round, owner: owner.owner } as const
    try {
      const held = party.held()
      const result = await owner.train(held, { round, lr }, (progress) => {
        emitter.emit('event', { ...report, ...progress })
      })
      const event = ownerTrained(owner, round, result, await copied?.(held))
      emitter.emit('event', event)
      done(event, result.weights)
      if (taken === parties.length && (baseline || !plan.baseline)) emitter.emit('done')
    } catch (error) {
      failure ??= { error }
      over = true
      emitter.emit('done')
    }
  }
  const begin = (i: number) =>
    train(parties[i]!, (event, weights) => {
      owners[i] = event
      waiting.set(i, weights)
      for (let next = waiting.get(taken); next && !over; next = waiting.get(taken)) {
        waiting.delete(taken)
        plan.take(parties[taken]!, next)
        taken += 1
      }
      beginMore()
    })
  const beginMore = () => {
    while (!over && begun < parties.length && begun - taken <= AHEAD * plan.workers) begin(begun++)
  }

  // The baseline trains as long as all owners together: it goes first, so that they share what it leaves of the cores.
  if (plan.baseline) {
    train(plan.baseline, (event, weights) => {
      baseline = event
      plan.takePooled(weights)
    })
  }
  beginMore()
  try {
    for await (const [event] of events) yield event as OwnerProgress | OwnerTrained
  } finally {
    // Nobody listens any more, or a party failed: those that have not begun need not.
    over = true
    waiting.clear()
  }
  if (failure) throw failure.error
  return { owners, baseline }
}

function ownerTrained(owner: Owner, round: number, result: Trained, copied: Evaluation | undefined): OwnerTrained {
  const { epochs, images, loss, local, seconds } = result
  const { trainImages } = owner
  return { type: 'owner-trained', round, owner: owner.owner, epochs, images, trainImages, loss, local, copied, seconds }
}
