import { describe, expect, it } from 'vitest'
import type { Learner, LearnerJob } from '../../src/engine/engine.ts'
import { initialWeights } from '../../src/model/init.ts'
import { DATASET, job, open, plan, watch } from '../support/learner.ts'
import { bits } from '../support/numbers.ts'
import { openTfjs } from '../support/tfjs-learner.ts'

const start = initialWeights(job().model, 1)
const FLIP = Uint8Array.of(3, 2, 1, 0)
const labels = new Uint8Array(new SharedArrayBuffer(DATASET.count))
labels.set(DATASET.labels.map((label) => FLIP[label]!))
const flipped = { ...DATASET, labels }

describe.each([
  ['onnx', open],
  ['tfjs', openTfjs],
])('%s', (_, openLearner: (given?: Partial<LearnerJob>) => Promise<Learner>) => {
  it('trains as on a dataset of the other labels, and evaluates on its own', async () => {
    const given = { epochs: 2, lr: 0.05 }
    const learner = await openLearner()
    const relabelled = (await watch(learner, start, { ...given, relabel: FLIP })).trained
    const other = (await watch(await openLearner({ dataset: flipped }), start, given)).trained
    for (const [name, { data }] of other.weights) expect(bits(relabelled.weights.get(name)!.data)).toEqual(bits(data))
    expect(relabelled.loss).toBe(other.loss)
    expect(relabelled.local).toEqual(await learner.evaluate(other.weights, plan().test))
  })
})
