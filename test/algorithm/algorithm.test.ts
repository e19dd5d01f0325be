import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { State } from '../../src/algorithm/algorithm.ts'
import { makeAlgorithm } from '../../src/algorithm/make-algorithm.ts'
import type { ObjectivePart } from '../../src/algorithm/objective/objective.ts'
import { OBJECTIVES } from '../../src/algorithm/objective/registry.ts'
import { valuesOf, weightsOf } from '../support/fake-owner.ts'
import { stateful } from '../support/stateful-objective.mjs'

const registry: Record<string, ObjectivePart> = OBJECTIVES

afterEach(() => {
  delete registry.stateful
  delete registry.sender
})

const update = (owner: number, values: number[], sent: State = {}) => ({
  owner,
  trainImages: 1,
  weights: weightsOf(...values),
  sent,
})

describe('an algorithm', () => {
  it('folds updates by each rule, and steps from the model that the owners had', () => {
    const algorithm = makeAlgorithm({
      merge: ['avg', 'max'],
      server: { avgm: { momentum: 0.5, lr: 1 } },
      objective: 'cross-entropy',
    })
    expect(algorithm.merges).toEqual(['avg', 'max'])
    let state = algorithm.start(weightsOf(0))
    let base = weightsOf(0)
    const seen: number[] = []
    for (let round = 1; round <= 3; round++) {
      const fold = algorithm.fold({ round, base })
      for (const owner of [1, 2]) fold.add(update(owner, [valuesOf(base)[0]! + owner]))
      const folded = fold.finish()
      expect(folded.models.map(valuesOf)).toEqual([[valuesOf(base)[0]! + 1.5], [valuesOf(base)[0]! + 2]])
      const next = algorithm.step(state, base, folded)
      ;({ model: base, state } = next)
      seen.push(valuesOf(base)[0]!)
    }
    // v: -1.5, -2.25, -2.625
    expect(seen).toEqual([1.5, 3.75, 6.375])
    expect(Object.entries(state).map(([name, v]) => [name, valuesOf(v)])).toEqual([['server/v', [-2.625]]])
  })

  it('gives the same from its state as without a break', () => {
    const chosen = { merge: ['avg'], server: { adam: { lr: 0.1, beta1: 0.9, beta2: 0.99, tau: 1e-3, v0: 0 } } } as const
    const make = () => makeAlgorithm({ ...chosen, objective: 'cross-entropy' })
    const run = (fresh: boolean) => {
      let algorithm = make()
      let [base, state] = [weightsOf(1, 2), algorithm.start(weightsOf(1, 2))]
      for (let round = 1; round <= 6; round++) {
        if (fresh) algorithm = make()
        const fold = algorithm.fold({ round, base })
        for (const owner of [1, 2, 3])
          fold.add(
            update(
              owner,
              valuesOf(base).map((w) => w * 0.9 + 0.1 * owner),
            ),
          )
        const next = algorithm.step(state, base, fold.finish())
        base = weightsOf(...valuesOf(next.model))
        state = next.state
      }
      return [valuesOf(base), Object.values(state).map(valuesOf)]
    }
    expect(run(true)).toEqual(run(false))
  })

  it('sends an objective’s instruction to the owners, and gives its server half the mean of what they send', () => {
    registry.stateful = stateful
    const algorithm = makeAlgorithm({ merge: ['avg'], server: 'none', objective: 'stateful' as 'cross-entropy' })
    const initial = weightsOf(0, 0)
    const state = algorithm.start(initial)
    expect(Object.keys(state)).toEqual(['objective/c'])
    expect(valuesOf(algorithm.instruct(state, 2).c!)).toEqual([0, 0])
    const fold = algorithm.fold({ round: 1, base: initial })
    fold.add(update(1, [1, 1], { moved: weightsOf(2, 0) }))
    fold.add(update(2, [3, 3], { moved: weightsOf(4, -2) }))
    const folded = fold.finish()
    expect(valuesOf(folded.sent.moved!)).toEqual([3, -1])
    const next = algorithm.step(state, initial, folded)
    expect(valuesOf(next.state['objective/c']!)).toEqual([3, -1])
    expect(valuesOf(state['objective/c']!)).toEqual([0, 0])
    expect(valuesOf(next.model)).toEqual([2, 2])
  })

  it('refuses what owners send if it is not alike', () => {
    registry.sender = { summary: '', source: '', options: z.strictObject({}), make: () => ({ hooks: () => undefined }) }
    const algorithm = makeAlgorithm({ merge: ['avg'], server: 'none', objective: 'sender' as 'cross-entropy' })
    const fold = algorithm.fold({ round: 1, base: weightsOf(0) })
    fold.add(update(1, [1], { c: weightsOf(1) }))
    expect(() => fold.add(update(2, [1], { c: weightsOf(1, 2) }))).toThrow('owner 2: w is [2], not [1]')
  })
})
