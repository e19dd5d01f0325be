import { describe, expect, it } from 'vitest'
import { accuracy, meanLoss, type Trained } from '../../src/engine/engine.ts'
import { FedunifyError } from '../../src/errors.ts'
import { initialWeights } from '../../src/model/init.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel } from '../../src/model/model.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { job, LAYERS, open, plan, rejection, watch } from '../support/learner.ts'
import { bits } from '../support/numbers.ts'
import { range } from '../support/synthetic.ts'

const model = job().model
const start = initialWeights(model, 1)
const allBits = (weights: Weights) => Object.fromEntries([...weights].map(([name, { data }]) => [name, bits(data)]))
/** All of a result but how long it took. */
const outcome = ({ weights, seconds: _, ...rest }: Trained) => ({ weights: allBits(weights), ...rest })

describe('training', () => {
  it('learns separable images', async () => {
    const learner = await open()
    const before = await learner.evaluate(start, plan().test)
    const { trained } = await watch(learner, start, { epochs: 5 })
    expect(accuracy(before)).toBeLessThan(0.6)
    expect(accuracy(trained.local!)).toBeGreaterThan(0.97)
    expect(meanLoss(trained.local!)).toBeLessThan(meanLoss(before) / 4)
    expect(trained.loss).toBeLessThan(meanLoss(before))
    expect(trained).toMatchObject({ epochs: 5, images: 5 * 210 })
    expect(trained.seconds).toBeGreaterThan(0)
    expect(await learner.evaluate(trained.weights, plan().test)).toEqual(trained.local)
  })

  it('hands back every tensor in its shape, and leaves those it started from as they were', async () => {
    const before = allBits(start)
    const { trained } = await watch(await open(), start)
    expect([...trained.weights].map(([name, { shape }]) => ({ name, shape }))).toEqual(
      model.parameters.map(({ name, shape }) => ({ name, shape })),
    )
    expect(allBits(start)).toEqual(before)
    for (const [name, { data }] of trained.weights) expect(bits(data)).not.toEqual(before[name])
  })

  it('drops no image: the last, smaller batch counts, and so does one that is never full', async () => {
    const learner = await open()
    const { trained, progress } = await watch(learner, start, { epochs: 1 })
    expect(trained.images).toBe(210)
    expect(progress.map(({ images }) => images)).toEqual([192, 210])
    const small = await watch(learner, start, { train: range(0, 5), batch: 64, epochs: 2 })
    expect(small.trained.images).toBe(10)
    expect(small.progress.map(({ images, total }) => [images, total])).toEqual([
      [5, 10],
      [10, 10],
    ])
    expect(allBits(small.trained.weights)).not.toEqual(allBits(start))
    const single = await watch(learner, start, { train: range(7, 8), batch: 1, epochs: 1 })
    expect(single.trained.images).toBe(1)
  })

  it('weighs the loss by images, not by batches', async () => {
    const learner = await open()
    // With a learning rate of 0 the loss of the epoch is the loss of the start weights on the training images.
    const { trained } = await watch(learner, start, { train: range(0, 37), batch: 32, epochs: 1, lr: 0 })
    expect(trained.loss).toBeCloseTo(meanLoss(await learner.evaluate(start, range(0, 37))), 5)
    expect(allBits(trained.weights)).toEqual(allBits(start))
  })

  it('takes the images in another order every epoch', async () => {
    // With a learning rate of 0 the loss of the last, smaller batch tells which images came last.
    const { progress } = await watch(await open(), start, { train: range(0, 40), batch: 32, epochs: 6, lr: 0 })
    const last = progress.filter(({ images }) => images % 40 === 0).map(({ loss }) => loss)
    expect(last).toHaveLength(6)
    expect(new Set(last).size).toBe(6)
  })

  it('stops after the first epoch that is accurate enough', async () => {
    const learner = await open()
    const { trained, progress } = await watch(learner, start, { epochs: 50, untilAccuracy: 0.9 })
    expect(trained.epochs).toBeGreaterThan(0)
    expect(trained.epochs).toBeLessThan(50)
    expect(accuracy(trained.local!)).toBeGreaterThanOrEqual(0.9)
    expect(trained.images).toBe(trained.epochs * 210)
    const fixed = await watch(learner, start, { epochs: trained.epochs })
    expect(outcome(fixed.trained)).toEqual(outcome(trained))
    if (trained.epochs > 1) {
      const earlier = await watch(learner, start, { epochs: trained.epochs - 1 })
      expect(accuracy(earlier.trained.local!)).toBeLessThan(0.9)
    }
    expect(progress.at(-1)).toMatchObject({ epoch: trained.epochs, epochs: 50, total: 50 * 210 })
  })

  it('gives up after `epochs` where the accuracy is out of reach', async () => {
    const { trained } = await watch(await open(), start, { epochs: 2, untilAccuracy: 1, lr: 1e-6 })
    expect(trained.epochs).toBe(2)
  })
})

describe('the same numbers', () => {
  const dropout: Layer = { type: 'dropout', rate: 0.2 }
  const dropped = buildModel([...LAYERS.slice(0, 4), dropout, LAYERS[4]!], [1, 12, 12], 4)
  const plans = [1, 2, 3].map((owner) => ({ owner, train: range(owner * 20, owner * 20 + 90), epochs: 2 }))

  it('come out of one worker, two workers and another opening', async () => {
    const runs = await Promise.all(
      [1, 2, 2].map(async (workers) => {
        const learner = await open({ workers, model: dropped })
        const all = await Promise.all(plans.map((given) => watch(learner, start, given)))
        return all.map(({ trained }) => outcome(trained))
      }),
    )
    expect(runs[1]).toEqual(runs[0])
    expect(runs[2]).toEqual(runs[0])
    expect(runs[0]![1]!.weights).not.toEqual(runs[0]![0]!.weights)
  })

  it('do not depend on what the learner trained before', async () => {
    const learner = await open({ model: dropped, optimizer: { kind: 'adam', momentum: 0, weightDecay: 0 } })
    const first = await watch(learner, start, plans[0])
    await watch(learner, start, plans[1])
    const again = await watch(learner, start, plans[0])
    expect(outcome(again.trained)).toEqual(outcome(first.trained))
  })

  it.each([{ owner: 4 }, { round: 3 }])('change with the owner and the round: %o', async (given) => {
    const learner = await open()
    const [a, b] = [await watch(learner, start), await watch(learner, start, given)]
    expect(allBits(b.trained.weights)).not.toEqual(allBits(a.trained.weights))
  })

  it('change with the seed', async () => {
    const [a, b] = await Promise.all([1, 2].map(async (seed) => watch(await open({ seed }), start)))
    expect(allBits(b!.trained.weights)).not.toEqual(allBits(a!.trained.weights))
  })
})

describe('progress', () => {
  it('grows with every report and ends at the total', async () => {
    const { trained, progress } = await watch(await open(), start, { epochs: 4 })
    const images = progress.map((p) => p.images)
    expect(images).toEqual([...new Set(images)].sort((a, b) => a - b))
    expect(progress.at(-1)).toMatchObject({ epoch: 4, epochs: 4, images: 840, total: 840 })
    expect(images.at(-1)).toBe(trained.images)
    for (const { loss } of progress) expect(loss).toBeGreaterThan(0)
  })

  it('is complete when the training is, even where nobody was listening in between', async () => {
    const learner = await open()
    await watch(learner, start, { epochs: 1 })
    const training = watch(learner, start, { epochs: 2 })
    await new Promise(setImmediate)
    // The main thread is busy until the worker has long sent everything.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
    expect((await training).progress.at(-1)).toMatchObject({ images: 420, total: 420 })
  })
})

describe('divergence', () => {
  it.each(['sgd', 'momentum'] as const)('names owner, round and tensor (%s)', async (kind) => {
    const learner = await open({ optimizer: { kind, momentum: 0.9, weightDecay: 0 } })
    // It stops there: as many epochs as this would take hours.
    const error = await rejection(watch(learner, start, { lr: 1e9, epochs: 1_000_000 }))
    expect(error).toBeInstanceOf(FedunifyError)
    expect(error).toMatchObject({ kind: 'training', exitCode: 4 })
    expect((error as FedunifyError).message).toMatch(
      /^owner 3, round 2: (conv1|dense1)\.(weight|bias) became -?(NaN|Inf)/,
    )
    expect((error as FedunifyError).hint).toMatch(/learning rate.*1000000000/)
    // It is the plan that failed: the learner goes on.
    expect((await watch(learner, start, { epochs: 1 })).trained.images).toBe(210)
  })

  it('is seen after the very last update, too, when no loss can tell any more', async () => {
    // One update takes 1e42 times each weight off it; the only loss was taken before.
    const learner = await open({ optimizer: { kind: 'sgd', momentum: 0, weightDecay: 1e4 } })
    const error = await rejection(watch(learner, start, { lr: 1e38, epochs: 1, train: range(0, 20) }))
    expect(error).toMatchObject({ kind: 'training' })
    expect((error as Error).message).toMatch(/^owner 3, round 2: conv1.weight became -?Infinity by step 1:/)
  })

  it.each(['conv1.weight', 'conv1.bias', 'dense1.weight', 'dense1.bias'])(
    'tells of a NaN in %s that was there from the start',
    async (tensor) => {
      const weights: Weights = new Map(
        [...start].map(([name, { shape, data }]) => [
          name,
          { shape, data: name === tensor ? data.with(0, Number.NaN) : data },
        ]),
      )
      const error = await rejection(watch(await open(), weights, { epochs: 1, train: range(0, 20) }))
      expect(error).toMatchObject({ name: 'FedunifyError', kind: 'training' })
      expect((error as Error).message).toMatch(/^owner 3, round 2: (conv1|dense1)\.(weight|bias) became NaN/)
    },
  )
})
