import { describe, expect, it } from 'vitest'
import { initialWeights } from '../../src/model/init.ts'
import { job, open, watch } from '../support/learner.ts'
import { range } from '../support/synthetic.ts'

const start = initialWeights(job().model, 1)

describe('evaluation', () => {
  const sum = (counts: Uint32Array) => counts.reduce((a, b) => a + b, 0)

  it('of disjoint parts adds up to that of their union, however the batches fall', async () => {
    const learner = await open({ workers: 2 })
    const { trained } = await watch(learner, start, { epochs: 1, lr: 0.003 })
    const ends = [0, 1, 100, 200, 301]
    const parts = await Promise.all(
      ends.slice(1).map((end, i) => learner.evaluate(trained.weights, range(ends[i]!, end))),
    )
    expect(parts.map(({ images }) => images)).toEqual([1, 99, 100, 101])
    const union = await learner.evaluate(trained.weights, range(0, 301))
    expect(sum(union.confusion)).toBe(301)
    expect(union.correct).toBe([0, 1, 2, 3].reduce((n, label) => n + union.confusion[label * 5]!, 0))
    expect(union.correct).toBeGreaterThan(0)
    expect(union.correct).toBeLessThan(301)
    expect(parts.reduce((n, part) => n + part.correct, 0)).toBe(union.correct)
    expect(union.confusion.map((_, i) => parts.reduce((n, part) => n + part.confusion[i]!, 0))).toEqual(union.confusion)
    expect(parts.reduce((n, part) => n + part.lossSum, 0)).toBeCloseTo(union.lossSum, 4)
    // Labels go round: images 0 to 300 hold 76 of label 0 and 75 of each other one.
    const truth = [0, 1, 2, 3].map((label) => sum(union.confusion.subarray(label * 4, label * 4 + 4)))
    expect(truth).toEqual([76, 75, 75, 75])
  })

  it('of many small test sets at once has the bits of one after the other', async () => {
    const learner = await open({ workers: 2 })
    const sets = Array.from({ length: 90 }, (_, i) => range(i, i + 1 + (i % 3)))
    const together = await Promise.all(sets.map((set) => learner.evaluate(start, set)))
    for (const [i, set] of sets.entries()) expect(together[i]).toEqual(await learner.evaluate(start, set))
  })

  it('counts an image as often as it is asked for, in any order', async () => {
    const learner = await open()
    const there = await learner.evaluate(start, Uint32Array.of(9, 2, 2, 300))
    const back = await learner.evaluate(start, Uint32Array.of(300, 2, 9, 2))
    expect(there.images).toBe(4)
    expect(back.confusion).toEqual(there.confusion)
    expect(back.lossSum).toBeCloseTo(there.lossSum, 5)
  })

  it('of no images counts nothing', async () => {
    const nothing = await (await open()).evaluate(start, new Uint32Array())
    expect(nothing).toEqual({ images: 0, correct: 0, lossSum: 0, confusion: new Uint32Array(16) })
  })
})
