import { expect, it } from 'vitest'
import { makeAlgorithm } from '../../src/algorithm/make-algorithm.ts'
import { valuesOf, weightsOf } from '../support/fake-owner.ts'

const chosen = {
  merge: ['avg', { 'last-rounds': { rounds: 3 } }, 'max'],
  server: { avgm: { momentum: 0.5, lr: 1 } },
  objective: 'cross-entropy',
} as const

/** Six rounds of one owner, who adds 2 each time; a checkpoint after each if `fresh`. */
function run(fresh: boolean) {
  let algorithm = makeAlgorithm(chosen)
  let model = weightsOf(0)
  let state = algorithm.start(model)
  const seen: number[][] = []
  for (let round = 1; round <= 6; round++) {
    if (fresh) algorithm = makeAlgorithm(chosen)
    const fold = algorithm.fold({ round, base: model })
    fold.add({ owner: 1, trainImages: 1, weights: weightsOf(valuesOf(model)[0]! + 2), sent: {} })
    const next = algorithm.step(state, model, fold.finish())
    seen.push([next.model, ...next.others].map((one) => valuesOf(one)[0]!))
    ;[model, state] = [weightsOf(...valuesOf(next.model)), next.state]
  }
  return { seen, state }
}

it('last-rounds is the mean of the unified models of so many rounds, in its place among the rules', () => {
  // Steps of 2, 3, 3.5, 3.75, …: the server keeps half of its last one.
  const models = [2, 5, 8.5, 12.25, 16.125, 20.0625]
  const means = [2, 3.5, 15.5 / 3, 25.75 / 3, 36.875 / 3, 48.4375 / 3]
  const maxima = [2, 4, 7, 10.5, 14.25, 18.125]
  const { seen, state } = run(false)
  expect(seen).toEqual(models.map((model, i) => [model, Math.fround(means[i]!), maxima[i]]))
  expect(Object.keys(state)).toEqual(['server/v', 'last/1', 'last/2'])
  expect(['last/1', 'last/2'].map((slot) => valuesOf(state[slot]!))).toEqual([[20.0625], [16.125]])
})

it('it goes on from the state of a checkpoint', () => {
  expect(run(true)).toEqual(run(false))
})

it('nothing is kept without it', () => {
  const { merge: _, ...rest } = chosen
  expect(Object.keys(makeAlgorithm({ ...rest, merge: ['avg', 'max'] }).start(weightsOf(0)))).toEqual(['server/v'])
})
