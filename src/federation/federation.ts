import { EventEmitter, on } from 'node:events'
import type { Experiment } from '../config/schema.ts'
import { accuracy, addEvaluations, type Evaluation, type Trained } from '../engine/engine.ts'
import { FedunifyError } from '../errors.ts'
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

/**
 * The paper's algorithm (Lee 2021, section III): every owner trains from the weights that it holds, the rule merges
 * the owners' weights, the merged model is copied back, until the rounds are over or every owner is content.
 *
 * @param initial the weights that an owner holds before round 1
 * @throws FedunifyError (training) where an owner fails or diverges: a round counts every owner or none
 */
export async function* runFederation(
  owners: readonly Owner[],
  rounds: Rounds,
  initial: (owner: number) => Weights,
): AsyncGenerator<FederationEvent> {
  const began = performance.now()
  yield { type: 'started', owners: owners.map(({ owner }) => owner), rounds: rounds.rounds, merges: rounds.merge }

  let held = owners.map(({ owner }) => initial(owner))
  let copied = await Promise.all(owners.map((owner, i) => owner.evaluate(held[i]!)))
  let content = false
  let round = 0
  while (round < rounds.rounds && !content) {
    round += 1
    const lr = learningRate(rounds, round)
    const start = performance.now()

    const { trained, locals } = yield* trainOwners(owners, held, copied, { round, lr })
    const afterTraining = performance.now()

    const models = rounds.merge.map((name) => mergeFinite(name, trained, round))
    const afterMerge = performance.now()

    const scores = await Promise.all(models.map((model) => evaluateByOwner(owners, model)))
    const afterEvaluation = performance.now()

    const unified = models[0]!
    held = owners.map(() => unified)
    copied = scores[0]!
    content = rounds['stop-at'] !== undefined && copied.every((own) => accuracy(own) >= rounds['stop-at']!)
    yield {
      type: 'round-finished',
      round,
      lr,
      locals,
      merges: rounds.merge.map((merge, i) => ({ merge, unified: addEvaluations(scores[i]!) })),
      weights: unified,
      seconds: {
        train: (afterTraining - start) / 1000,
        merge: (afterMerge - afterTraining) / 1000,
        evaluate: (afterEvaluation - afterMerge) / 1000,
      },
    }
  }
  const seconds = (performance.now() - began) / 1000
  yield { type: 'finished', rounds: round, reason: content ? 'stop-at' : 'rounds', seconds }
}

interface TrainedRound {
  readonly trained: OwnerWeights[]
  readonly locals: OwnerTrained[]
}

/** Trains all owners at once, telling of their progress as it comes; resolves in the owners' order. */
async function* trainOwners(
  owners: readonly Owner[],
  held: readonly Weights[],
  copied: readonly Evaluation[],
  plan: { round: number; lr: number },
): AsyncGenerator<OwnerProgress | OwnerTrained, TrainedRound> {
  const { round } = plan
  const emitter = new EventEmitter()
  const events = on(emitter, 'event', { close: ['done'] })
  const tell = (event: OwnerProgress | OwnerTrained) => emitter.emit('event', event)
  const all = Promise.all(
    owners.map(async (owner, i) => {
      const report = { round, owner: owner.owner }
      const result = await owner.train(held[i]!, plan, (p) => tell({ type: 'owner-progress', ...report, ...p }))
      const local = ownerTrained(owner, round, result, copied[i]!)
      tell(local)
      return { local, merged: { owner: owner.owner, weights: result.weights, trainImages: owner.trainImages } }
    }),
  )
  all.then(
    () => emitter.emit('done'),
    (error) => emitter.emit('error', error),
  )
  for await (const [event] of events) yield event as OwnerProgress | OwnerTrained
  const results = await all
  return { trained: results.map(({ merged }) => merged), locals: results.map(({ local }) => local) }
}

function ownerTrained(owner: Owner, round: number, result: Trained, copied: Evaluation): OwnerTrained {
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
