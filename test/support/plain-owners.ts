import type { State } from '../../src/algorithm/algorithm.ts'
import { type ChosenAlgorithm, makeAlgorithm } from '../../src/algorithm/make-algorithm.ts'
import { OBJECTIVES } from '../../src/algorithm/objective/registry.ts'
import type { Learner } from '../../src/engine/engine.ts'
import type { OwnerStates, Update } from '../../src/federation/cohort.ts'
import type { Participation } from '../../src/federation/drawn-owners.ts'
import { LocalCohort } from '../../src/federation/local/local-cohort.ts'
import { runFederation } from '../../src/federation/loop.ts'
import { ShardOwner } from '../../src/federation/owner.ts'
import { make } from '../../src/parts.ts'
import { range } from '../../src/random.ts'
import { maskedHere } from '../../src/run/masks.ts'
import { evaluation, valuesOf, weightsOf } from './fake-owner.ts'

/** The gradient of an owner's loss at these weights. */
export type Slope = (values: readonly number[]) => number[]

/**
 * What trains owners of losses that can be written down, by SGD with momentum in double precision, and with the hook of
 * the gradient as engine/hooks.ts says it. The weights are one tensor, float32 between rounds as everywhere.
 */
export const plainLearner = (slopes: readonly Slope[], momentum = 0): Learner => ({
  async train(start, { owner, train, batch, epochs, lr, hooks = {} }) {
    const { scale = 1, proximal, shift } = hooks.gradient ?? {}
    const [anchor, push] = [proximal && valuesOf(proximal.anchor), shift && valuesOf(shift)]
    const w = valuesOf(start)
    const velocity = w.map(() => 0)
    for (let step = 0; step < epochs * Math.ceil(train.length / batch); step++) {
      for (const [i, slope] of slopes[owner - 1]!([...w]).entries()) {
        const pull = proximal ? proximal.mu * (w[i]! - anchor![i]!) : 0
        velocity[i] = momentum * velocity[i]! + scale * slope + pull + (push?.[i] ?? 0)
        w[i]! -= lr * velocity[i]!
      }
    }
    const counts = { epochs, images: epochs * train.length, loss: 0, local: undefined, seconds: 0 }
    return { weights: weightsOf(...w), ...counts }
  },
  evaluate: async () => evaluation(50, 100),
  summarise: () => Promise.reject(new Error('not asked for')),
  measure: () => Promise.reject(new Error('not asked for')),
  close: async () => {},
})

export interface Plain extends Partial<Omit<ChosenAlgorithm, 'privacy'>> {
  readonly slopes: readonly Slope[]
  /** Of each owner, in a round. */
  readonly steps: readonly number[]
  readonly lr: number
  readonly rounds: number
  readonly privacy?: Parameters<typeof maskedHere>[0]['privacy']
  readonly momentum?: number
  /** Drawn for each round; default: all. */
  readonly participants?: Participation
  readonly seed?: number
  readonly start?: readonly number[]
  /** Told of each update as the server gets it. */
  readonly take?: (update: Update) => void
}

export interface PlainRound {
  readonly model: number[]
  readonly states: OwnerStates
  readonly trained: readonly number[]
  readonly serverState: State
  readonly stepSize: number | undefined
}

/** Rounds of such owners, all but their training as in any run. */
export async function plainRounds(given: Plain): Promise<PlainRound[]> {
  const { slopes, steps, lr, rounds, momentum = 0, start = [0] } = given
  const { objective = 'cross-entropy', server = 'none', merge = ['avg'] } = given
  const learner = plainLearner(slopes, momentum)
  const { batch, optimizer, privacy, take } = given
  const training = batch !== undefined && optimizer !== undefined ? { batch, optimizer, 'local-epochs': 1 } : {}
  const chosen = { merge, privacy, ...training }
  const masked = maskedHere(
    chosen,
    steps.map((_, i) => i + 1),
  )
  const owners = steps.map((count, i) => {
    const shard = { owner: i + 1, train: range(count), test: range(1) }
    const settings = { batch: 1, epochs: 1, untilAccuracy: undefined, labels: [count], momentum }
    const made = make(OBJECTIVES, objective)
    const masks = masked?.settings(i + 1)
    return new ShardOwner(shard, learner, { ...settings, objective: made, initial: () => weightsOf(...start), masks })
  })
  const algorithm = makeAlgorithm({ ...chosen, objective, server, owners: owners.length })
  const initial = weightsOf(...start)
  const begin = { round: 0, model: initial, state: algorithm.start(initial) }
  const { participants, seed } = given
  const plan = { lr, rounds, 'lr-schedule': 'constant' as const, participants, seed }
  const signal = new AbortController().signal
  const seen: PlainRound[] = []
  const cohort = new LocalCohort(owners, 2, { masks: masked?.cohort })
  const train = cohort.train.bind(cohort)
  cohort.train = async function* (task) {
    for await (const news of train(task)) {
      if (news.type === 'update') take?.(news)
      yield news
    }
  }
  for await (const event of runFederation(cohort, algorithm, plan, begin, signal)) {
    if (event.type !== 'round-finished') continue
    const { weights, ownerStates: states, stepSize, serverState, locals } = event
    seen.push({ model: valuesOf(weights), states, stepSize, serverState, trained: locals.map(({ owner }) => owner) })
  }
  return seen
}
