import { describe, expect, it } from 'vitest'
import { addEvaluations } from '../../src/engine/engine.ts'
import type { Update } from '../../src/federation/cohort.ts'
import {
  sharedEvaluation,
  sharedProgress,
  sharedUpdate,
  withoutLabels,
  withoutMetrics,
} from '../../src/owner/policy/share.ts'
import { evaluation, weightsOf } from '../support/fake-owner.ts'

const ALL = { metrics: true, labels: true }
const NO_METRICS = { metrics: false, labels: true }
const NO_LABELS = { metrics: true, labels: false }

const UPDATE: Update = {
  type: 'update',
  owner: 2,
  trainImages: 10,
  weights: weightsOf(1, 2),
  sent: { c: weightsOf(3, 4) },
  epochs: 3,
  images: 30,
  loss: 0.5,
  local: evaluation(7, 10),
  received: evaluation(5, 10),
  seconds: 1,
}

describe('what an owner shares', () => {
  it('is all of an update, and the same object’s values, if it shares all', () => {
    expect(sharedUpdate(ALL, UPDATE)).toEqual(UPDATE)
    expect(sharedEvaluation(ALL, UPDATE.local)).toBe(UPDATE.local)
  })

  it('without metrics is what a merge needs', () => {
    const { loss, local, received, ...rest } = sharedUpdate(NO_METRICS, UPDATE)
    expect([loss, local, received]).toEqual([undefined, undefined, undefined])
    const { loss: _, local: __, received: ___, ...kept } = UPDATE
    expect(rest).toEqual(kept)
    expect(sharedUpdate({ metrics: false, labels: false }, UPDATE)).toEqual(withoutMetrics(UPDATE))
    expect(sharedEvaluation(NO_METRICS, UPDATE.local)).toBeUndefined()
  })

  it('without metrics has nothing that came to an update later', () => {
    expect(withoutMetrics({ ...UPDATE, top5: 9 } as Update)).not.toHaveProperty('top5')
  })

  it('without labels has accuracies, losses and no image in a confusion matrix', () => {
    const { local, received, ...rest } = sharedUpdate(NO_LABELS, UPDATE)
    expect(rest).toMatchObject({ owner: 2, loss: 0.5, weights: UPDATE.weights })
    for (const [shared, own] of [
      [local, UPDATE.local],
      [received, UPDATE.received],
    ]) {
      expect(shared).toEqual({ ...own, confusion: new Uint32Array(4) })
    }
    expect([...UPDATE.local.confusion]).toEqual([7, 3, 0, 0])
  })

  it('without labels adds up with that of others', () => {
    const sum = addEvaluations([withoutLabels(evaluation(7, 10)), evaluation(5, 10)])
    expect(sum).toEqual({ images: 20, correct: 12, lossSum: 8, confusion: Uint32Array.of(5, 5, 0, 0) })
  })

  it('may lack what was not asked for', () => {
    expect(sharedUpdate(NO_LABELS, { ...UPDATE, received: undefined }).received).toBeUndefined()
  })

  it('has the loss of its progress only with its metrics', () => {
    const progress = { epoch: 1, epochs: 2, images: 5, total: 10, loss: 0.3 }
    expect(sharedProgress(NO_LABELS, progress)).toEqual(progress)
    expect(sharedProgress(NO_METRICS, progress)).toEqual({ ...progress, loss: undefined })
  })
})
