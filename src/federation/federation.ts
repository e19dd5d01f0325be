import { EventEmitter, on } from 'node:events'
import type { Experiment } from '../config/schema.ts'
import { accuracy, addEvaluations, type Evaluation, type Trained } from '../engine/engine.ts'
import { FedunifyError } from '../errors.ts'
import { drift } from '../merge/drift.ts'
import { MERGE_RULES, type MergeName } from '../merge/registry.ts'
import type { MergeRule, OwnerWeights } from '../merge/rule.ts'
import { firstNonFinite, type Weights } from '../model/weights.ts'
import type { FederationEvent, OwnerProgress, OwnerTrained } from './events.ts'
import type { Owner } from './owner.ts'
import { learningRate } from './schedule.ts'

type Rounds = Pick<
  Experiment,
  'rounds' | 'merge' | 'stop-at' | 'lr' | 'lr-schedule' | 'lr-step-rounds' | 'lr-step-factor'
>

/** Where a federation begins: before round 1, or after a round that a checkpoint holds. */
export interface Start {
  /** Rounds that are done. */
  readonly round: number
  /** The weights that an owner holds. */
  weights(owner: number): Weights
  /** The weights of the pooled baseline. */
  readonly pooled: Weights
}

/**
 * The paper's algorithm (Lee 2021, section III): every owner trains from the weights that it holds, the rule merges
 * the owners' weights, the merged model is copied back, until the rounds are over or every owner is content.
 *
 * @param baseline an owner of everybody's data, which trains beside the others and merges with none
 * @throws FedunifyError (training) where an owner fails or diverges: a round counts every owner or none
 */
export async function* runFederation(
  owners: readonly Owner[],
  baseline: Owner | undefined,
  rounds: Rounds,
  start: Start,
): AsyncGenerator<FederationEvent> {
  const began = performance.now()
  const ids = owners.map(({ owner }) => owner)
  yield {
    type: 'started',
    owners: ids,
    rounds: rounds.rounds,
    done: start.round,
    merges: rounds.merge,
    baseline: baseline !== undefined,
  }

  const stopAt = rounds['stop-at']
  const isContent = (copied: readonly Evaluation[]) =>
    stopAt !== undefined && copied.every((c) => accuracy(c) >= stopAt)
  let held = ids.map((owner) => start.weights(owner))
  let pooled = start.pooled
  let copied = await Promise.all(owners.map((owner, i) => owner.evaluate(held[i]!)))
  let round = start.round
  let content = round > 0 && isContent(copied)
  while (round < rounds.rounds && !content) {
    round += 1
    const lr = learningRate(rounds, round)
    const clock = new Clock()

    const parties = owners.map((owner, i) => ({ owner, held: held[i]!, copied: copied[i] }))
    // The baseline trains as long as all owners together: it goes first, so that they share what it leaves of the cores.
    const all = baseline ? [{ owner: baseline, held: pooled, copied: undefined }, ...parties] : parties
    const results = yield* trainAll(all, { round, lr })
    const trained = results.slice(-owners.length)
    const train = clock.lap()

    const models = rounds.merge.map((name) => mergeFinite(name, trained, round))
    const merge = clock.lap()

    const scores = await Promise.all(models.map((model) => evaluateByOwner(owners, model)))
    const evaluate = clock.lap()

    const unified = models[0]!
    held = owners.map(() => unified)
    copied = scores[0]!
    content = isContent(copied)
    const pooledResult = baseline && results[0]
    pooled = pooledResult?.weights ?? pooled
    yield {
      type: 'round-finished',
      round,
      lr,
      locals: trained.map(({ event }) => event),
      merges: rounds.merge.map((name, i) => ({ merge: name, unified: addEvaluations(scores[i]!) })),
      weights: unified,
      drift: drift(trained),
      baseline: pooledResult && { ...pooledResult.event, weights: pooled },
      seconds: { train, merge, evaluate },
    }
  }
  const seconds = (performance.now() - began) / 1000
  yield { type: 'finished', rounds: round, reason: content ? 'stop-at' : 'rounds', seconds }
}

class Clock {
  #last = performance.now()

  /** Seconds since the last lap. */
  lap(): number {
    const before = this.#last
    this.#last = performance.now()
    return (this.#last - before) / 1000
  }
}

/** Who trains in a round, from which weights; `copied` is those on its own test set. */
interface Party {
  readonly owner: Owner
  readonly held: Weights
  readonly copied: Evaluation | undefined
}

type TrainedOwner = OwnerWeights & { readonly event: OwnerTrained }

/** Trains all parties at once, telling of their progress as it comes; resolves in their order. */
async function* trainAll(
  parties: readonly Party[],
  plan: { round: number; lr: number },
): AsyncGenerator<OwnerProgress | OwnerTrained, TrainedOwner[]> {
  const emitter = new EventEmitter()
  const events = on(emitter, 'event', { close: ['done'] })
  const tell = (event: OwnerProgress | OwnerTrained) => emitter.emit('event', event)
  const all = Promise.all(
    parties.map(async ({ owner, held, copied }): Promise<TrainedOwner> => {
      const report = { type: 'owner-progress', round: plan.round, owner: owner.owner } as const
      const result = await owner.train(held, plan, (progress) => tell({ ...report, ...progress }))
      const event = ownerTrained(owner, plan.round, result, copied)
      tell(event)
      return { owner: owner.owner, weights: result.weights, trainImages: owner.trainImages, event }
    }),
  )
  all.then(
    () => emitter.emit('done'),
    (error) => emitter.emit('error', error),
  )
  for await (const [event] of events) yield event as OwnerProgress | OwnerTrained
  return await all
}

function ownerTrained(owner: Owner, round: number, result: Trained, copied: Evaluation | undefined): OwnerTrained {
  const { epochs, images, loss, local, seconds } = result
  const { trainImages } = owner
  return { type: 'owner-trained', round, owner: owner.owner, epochs, images, trainImages, loss, local, copied, seconds }
}

/** A model on every owner's own test set. Their union is the server's, so its counts are the sums of theirs. */
function evaluateByOwner(owners: readonly Owner[], model: Weights): Promise<Evaluation[]> {
  return Promise.all(owners.map((owner) => owner.evaluate(model)))
}

function mergeFinite(name: MergeName, owners: readonly OwnerWeights[], round: number): Weights {
  const rule: MergeRule = MERGE_RULES[name]
  const merged = rule.merge(owners)
  const bad = firstNonFinite(merged)
  if (bad) {
    throw new FedunifyError('training', `round ${round}: merge ${name} made ${bad.tensor} ${bad.value}`, 'lower the lr')
  }
  return merged
}
