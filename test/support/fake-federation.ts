import { type ChosenAlgorithm, makeAlgorithm } from '../../src/algorithm/make-algorithm.ts'
import { trainBaseline, withBaseline } from '../../src/federation/baseline.ts'
import type { FederationEvent } from '../../src/federation/events.ts'
import { LocalCohort } from '../../src/federation/local/local-cohort.ts'
import { type Rounds, runFederation } from '../../src/federation/loop.ts'
import type { Owner } from '../../src/federation/owner.ts'
import { weightsOf } from './fake-owner.ts'

export interface Given extends Partial<Rounds>, Partial<ChosenAlgorithm> {
  readonly baseline?: Owner
  readonly workers?: number
  /** The round that is done. */
  readonly done?: number
  /** The unified model after it; null if each owner begins with its own. */
  readonly model?: readonly number[] | null
  readonly signal?: AbortSignal
}

/** A federation of owners in this process, whose models have one tensor: two rounds of avg at lr 0.1 if not said. */
export function fakeFederation(owners: readonly Owner[], given: Given = {}): AsyncIterable<FederationEvent> {
  const { baseline, workers = 2, done = 0, model = [0], signal = new AbortController().signal } = given
  const { merge = ['avg'], server = 'none', objective = 'cross-entropy' } = given
  const algorithm = makeAlgorithm({ merge, server, objective })
  const { rounds = 2, lr = 0.1, 'lr-schedule': schedule = 'constant', 'stop-at': stopAt } = given
  const plan = { rounds, lr, 'lr-schedule': schedule, 'stop-at': stopAt }
  const initial = model ? weightsOf(...model) : undefined
  const start = { round: done, model: initial, state: algorithm.start(initial ?? weightsOf(0)) }
  const events = runFederation(new LocalCohort(owners, workers), algorithm, plan, start, signal)
  if (!baseline) return events
  const pooled = { round: done, model: weightsOf(0) }
  return withBaseline(events, trainBaseline(new LocalCohort([baseline], 1), plan, pooled, signal))
}
