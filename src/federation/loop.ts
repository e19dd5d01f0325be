import { Drift } from '../algorithm/drift.ts'
import type { Merge } from '../algorithm/merge/merge.ts'
import type { OwnerWeights } from '../algorithm/merge/rule.ts'
import { startMerge } from '../algorithm/merge/start-merge.ts'
import type { Experiment } from '../config/schema.ts'
import { accuracy, addEvaluations, type Evaluation } from '../engine/engine.ts'
import { FedunifyError } from '../errors.ts'
import { nameOf } from '../parts.ts'
import { WeightPool } from '../weights/pool.ts'
import { firstNonFinite, type Weights } from '../weights/weights.ts'
import type { FederationEvent } from './events.ts'
import type { Owner } from './local/owner.ts'
import { trainAll } from './local/train-all.ts'
import { learningRate } from './schedule.ts'

type Rounds = Pick<Experiment, 'rounds' | 'merge' | 'stop-at' | 'workers' | 'lr' | 'lr-schedule'>

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
  const merges = rounds.merge.map(nameOf)
  yield {
    type: 'started',
    owners: ids,
    rounds: rounds.rounds,
    done: start.round,
    merges,
    baseline: baseline !== undefined,
  }

  const stopAt = rounds['stop-at']
  const isContent = (copied: readonly Evaluation[]) =>
    stopAt !== undefined && copied.every((c) => accuracy(c) >= stopAt)
  // Initial weights are made when they are needed: owners that each begin with their own would fill the memory.
  let held = (owner: number) => start.weights(owner)
  let pooled = start.pooled
  let round = start.round
  let copied: Evaluation[] | undefined
  if (round > 0 && stopAt !== undefined) copied = await evaluateByOwner(owners, held, rounds.workers)
  let content = copied !== undefined && isContent(copied)
  const pool = new WeightPool()
  let before: Weights | undefined
  while (round < rounds.rounds && !content) {
    round += 1
    const lr = learningRate(rounds, round)
    const clock = new Clock()
    const merging = new Merging(rounds.merge, round, pool)

    const known = copied
    const trained = yield* trainAll(
      owners.map((owner, i) => ({
        owner,
        held: () => held(owner.owner),
        copied: async (weights) => known?.[i] ?? (await owner.evaluate(weights)),
      })),
      {
        round,
        lr,
        workers: rounds.workers,
        baseline: baseline && { owner: baseline, held: () => pooled },
        take: ({ owner: { owner, trainImages } }, weights) => merging.add({ owner, trainImages, weights }),
        takePooled: (weights) => {
          pooled = weights
        },
      },
    )
    const train = clock.lap() - merging.seconds

    const { models, drift } = merging.finish(round)
    const merge = clock.lap() + merging.seconds

    const scores: Evaluation[][] = []
    for (const model of models) scores.push(await evaluateByOwner(owners, () => model, rounds.workers))
    const evaluate = clock.lap()

    const [unified, ...others] = models as [Weights, ...Weights[]]
    held = () => unified
    // Nobody reads these any more: the others are scored, and the owners train from the new unified model.
    for (const model of before ? [before, ...others] : others) pool.releaseAll(model)
    before = unified
    copied = scores[0]!
    content = isContent(copied)
    yield {
      type: 'round-finished',
      round,
      lr,
      locals: trained.owners,
      merges: merges.map((name, i) => ({ merge: name, unified: addEvaluations(scores[i]!) })),
      weights: unified,
      drift,
      baseline: trained.baseline && { ...trained.baseline, weights: pooled },
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

/** The merges of a round, and the drift, into which owners go one at a time. */
class Merging {
  /** Spent on adding owners. */
  seconds = 0
  readonly #merges: readonly { readonly name: string; readonly merge: Merge }[]
  readonly #drift: Drift

  constructor(choices: Rounds['merge'], round: number, pool: WeightPool) {
    this.#merges = choices.map((choice) => {
      return { name: nameOf(choice), merge: startMerge(choice, { round, pool }) }
    })
    this.#drift = new Drift(pool)
  }

  add(owner: OwnerWeights): void {
    const clock = new Clock()
    for (const { merge } of this.#merges) merge.add(owner)
    this.#drift.add(owner.weights)
    this.seconds += clock.lap()
  }

  finish(round: number): { models: Weights[]; drift: Record<string, number> } {
    const models = this.#merges.map(({ name, merge }) => finite(merge.finish(), name, round))
    return { models, drift: this.#drift.finish() }
  }
}

/** Models on every owner's own test set. Their union is the server's, so its counts are the sums of theirs. */
async function evaluateByOwner(
  owners: readonly Owner[],
  model: (owner: number) => Weights,
  workers: number,
): Promise<Evaluation[]> {
  const scores: Evaluation[] = []
  const rest = owners.entries()
  // Each takes the next owner when it is done with one; one more of them than workers, so that none waits for work.
  const take = async () => {
    for (const [i, owner] of rest) scores[i] = await owner.evaluate(model(owner.owner))
  }
  await Promise.all(Array.from({ length: workers + 1 }, take))
  return scores
}

function finite(merged: Weights, name: string, round: number): Weights {
  const bad = firstNonFinite(merged)
  if (bad) {
    const message = `round ${round}: merge ${name} made ${bad.tensor} ${bad.value}`
    throw new FedunifyError('training', message, 'lower the lr', { round, tensor: bad.tensor })
  }
  return merged
}
