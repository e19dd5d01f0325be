import { describe, expect, it } from 'vitest'
import { addEvaluations } from '../../src/engine/engine.ts'
import { fromWire, toWire } from '../../src/federation/nats/evaluations.ts'
import { sharedEvaluation, sharedMetrics, sharedProgress } from '../../src/owner/policy/share.ts'
import { evaluation } from '../support/fake-owner.ts'

const ALL = { metrics: true, labels: true }
const NO_METRICS = { metrics: false, labels: true }
const NO_LABELS = { metrics: true, labels: false }

const LOCAL = toWire(evaluation(7, 10))
const METRICS = { loss: 0.5, local: LOCAL, received: toWire(evaluation(5, 10)) }

describe('what an owner shares', () => {
  it('is all of its metrics, if it shares all', () => {
    expect(sharedMetrics(ALL, METRICS)).toEqual(METRICS)
    expect(sharedEvaluation(ALL, LOCAL)).toBe(LOCAL)
  })

  it('without metrics is none of them', () => {
    expect(sharedMetrics(NO_METRICS, METRICS)).toBeNull()
    expect(sharedMetrics({ metrics: false, labels: false }, METRICS)).toBeNull()
    expect(sharedEvaluation(NO_METRICS, LOCAL)).toBeNull()
  })

  it('has nothing that came to metrics later', () => {
    expect(sharedMetrics(ALL, { ...METRICS, top5: 9 } as typeof METRICS)).not.toHaveProperty('top5')
  })

  it('without labels has accuracies, losses and no image in a confusion matrix', () => {
    const { loss, local, received } = sharedMetrics(NO_LABELS, METRICS)!
    expect(loss).toBe(0.5)
    expect(local).toEqual({ ...LOCAL, confusion: [0, 0, 0, 0] })
    expect(received).toEqual({ ...METRICS.received, confusion: [0, 0, 0, 0] })
    expect(LOCAL.confusion).toEqual([7, 3, 0, 0])
  })

  it('without labels adds up with that of others', () => {
    const kept = fromWire(sharedEvaluation(NO_LABELS, LOCAL)!)
    const sum = addEvaluations([kept, evaluation(5, 10)])
    expect(sum).toEqual({ images: 20, correct: 12, lossSum: 8, confusion: Uint32Array.of(5, 5, 0, 0) })
  })

  it('may lack what was not asked for', () => {
    expect(sharedMetrics(NO_LABELS, { ...METRICS, received: null })!.received).toBeNull()
  })

  it('has the loss of its progress only with its metrics', () => {
    const progress = { epoch: 1, epochs: 2, images: 5, total: 10, loss: 0.3 }
    expect(sharedProgress(NO_LABELS, progress)).toEqual(progress)
    expect(sharedProgress(NO_METRICS, progress)).toEqual({ ...progress, loss: null })
  })
})
