import type { Evaluation } from '../../src/engine/engine.ts'
import type { OwnerTrained, RoundFinished, Started } from '../../src/federation/events.ts'
import { evaluation, weightsOf } from './fake-owner.ts'

export const started = (given: Partial<Started> = {}): Started => ({
  type: 'started',
  owners: [1, 2],
  rounds: 2,
  done: 0,
  merges: ['avg'],
  baseline: false,
  ...given,
})

export const ownerTrained = (round: number, owner: number, local: Evaluation): OwnerTrained => ({
  type: 'owner-trained',
  round,
  owner,
  epochs: 1,
  images: 120,
  trainImages: 60,
  loss: 0.25,
  local,
  copied: evaluation(1, 10),
  seconds: 0.5,
})

/** A round whose owners got so many of 1000 images right, and whose merges so many of 10,000. */
export function roundFinished(
  round: number,
  locals: readonly number[],
  merges: Readonly<Record<string, number>>,
  given: Partial<RoundFinished> = {},
): RoundFinished {
  return {
    type: 'round-finished',
    round,
    lr: 0.1,
    locals: locals.map((correct, i) => ownerTrained(round, i + 1, evaluation(correct, 1000))),
    merges: Object.entries(merges).map(([merge, correct]) => ({
      merge: merge as RoundFinished['merges'][number]['merge'],
      unified: evaluation(correct, 10_000),
      evaluatedBy: locals.length,
    })),
    weights: weightsOf(1),
    absent: [],
    serverState: {},
    ownerStates: new Map(),
    drift: {},
    traffic: locals.map((_, i) => ({ owner: i + 1, down: 2000, up: 1000 })),
    disclosed: [],
    baseline: undefined,
    seconds: { train: 7, merge: 0.1, evaluate: 1.3 },
    ...given,
  }
}
