import type { State } from '../../src/algorithm/algorithm.ts'
import { type ChosenAlgorithm, makeAlgorithm } from '../../src/algorithm/make-algorithm.ts'
import { OBJECTIVES } from '../../src/algorithm/objective/registry.ts'
import type { Learner } from '../../src/engine/engine.ts'
import type { OwnerStates } from '../../src/federation/cohort.ts'
import type { Participation } from '../../src/federation/drawn-owners.ts'
import { LocalCohort } from '../../src/federation/local/local-cohort.ts'
import { runFederation } from '../../src/federation/loop.ts'
import { ShardOwner } from '../../src/federation/owner.ts'
import { make } from '../../src/parts.ts'
import { range } from '../../src/random.ts'
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

export interface Plain extends Partial<ChosenAlgorithm> {
  readonly slopes: readonly Slope[]
  /** Of each owner, in a round. */
  readonly steps: readonly number[]
  readonly lr: number
  readonly rounds: number
  readonly momentum?: number
  /** Drawn for each round; default: all. */
  readonly participants?: Participation
  readonly seed?: number
  readonly start?: readonly number[]
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
  const owners = steps.map((count, i) => {
    const shard = { owner: i + 1, train: range(count), test: range(1) }
    const settings = { batch: 1, epochs: 1, untilAccuracy: undefined, labels: [count], momentum }
    const made = make(OBJECTIVES, objective)
    return new ShardOwner(shard, learner, { ...settings, objective: made, initial: () => weightsOf(...start) })
  })
  const { batch, optimizer } = given
  const training = batch !== undefined && optimizer !== undefined ? { batch, optimizer } : {}
  const algorithm = makeAlgorithm({ objective, server, merge, owners: owners.length, ...training })
  const initial = weightsOf(...start)
  const begin = { round: 0, model: initial, state: algorithm.start(initial) }
  const { participants, seed } = given
  const plan = { lr, rounds, 'lr-schedule': 'constant' as const, participants, seed }
  const signal = new AbortController().signal
  const seen: PlainRound[] = []
  for await (const event of runFederation(new LocalCohort(owners, 2), algorithm, plan, begin, signal)) {
    if (event.type !== 'round-finished') continue
    const { weights, ownerStates: states, stepSize, serverState, locals } = event
    seen.push({ model: valuesOf(weights), states, stepSize, serverState, trained: locals.map(({ owner }) => owner) })
  }
  return seen
}
