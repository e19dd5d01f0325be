import { describe, expect, it } from 'vitest'
import type { Learner, LearnerJob, TrainPlan } from '../../src/engine/engine.ts'
import type { ObjectiveHooks } from '../../src/engine/hooks.ts'
import { initialWeights } from '../../src/model/init.ts'
import { buildModel } from '../../src/model/model.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { B, block } from '../support/blocked-models.ts'
import { noisyWeights } from '../support/hooks.ts'
import { conv, dense, dropout, flatten, pool, relu } from '../support/layers.ts'
import { open, plan, rejection, watch } from '../support/learner.ts'
import { bits, norm, relativeError } from '../support/numbers.ts'
import { clippedInPlainCode, openRecords, singleGradients, someImages } from '../support/records.ts'
import { range } from '../support/synthetic.ts'
import { openTfjs } from '../support/tfjs-learner.ts'

const model = buildModel([conv(B), relu, pool(2), flatten, dense(4)], [1, 12, 12], 4)
const start = initialWeights(model, 1)
const allBits = (weights: Weights) => Object.fromEntries([...weights].map(([name, { data }]) => [name, bits(data)]))

type Open = (given: Partial<LearnerJob>) => Promise<Learner>
const ENGINES: [name: string, open: Open][] = [
  ['onnx', (given) => open({ model, ...given })],
  ...(block ? [['onnx, blocked', (given) => open({ model, ...given }, { block: B })] as [string, Open]] : []),
  ['tfjs', (given) => openTfjs({ model, ...given })],
]
/** All of 20 images in each step, and nothing is clipped. */
const WHOLE = { train: range(0, 20), batch: 20, epochs: 3, lr: 0.01 }
const UNTOUCHED = { clip: 1e9, noise: 0 }

function expectClose(got: Weights, expected: Weights): void {
  for (const [name, { data }] of expected) expect(relativeError(got.get(name)!.data, data), name).toBeLessThan(1e-5)
}

describe.each(ENGINES)('hidden images, engine %s', (_, openLearner) => {
  const pull = { proximal: { mu: 0.5, anchor: noisyWeights(model, 0.2, 3) }, shift: noisyWeights(model, 0.1, 5) }
  const cases: [string, LearnerJob['optimizer'], ObjectiveHooks][] = [
    ['sgd', { kind: 'sgd', momentum: 0, weightDecay: 0 }, {}],
    ['momentum and weight decay', { kind: 'momentum', momentum: 0.9, weightDecay: 0.1 }, {}],
    ['adam', { kind: 'adam', momentum: 0, weightDecay: 0.1 }, {}],
    ['terms of the gradient', { kind: 'sgd', momentum: 0, weightDecay: 0 }, { gradient: { scale: 0.5, ...pull } }],
    ['smoothed targets', { kind: 'sgd', momentum: 0, weightDecay: 0 }, { targets: { smoothing: 0.2 } }],
  ]

  it.each(cases)(
    'with all of them in each step, a large norm and no noise it is the plain training: %s',
    async (_, optimizer, hooks) => {
      const learner = await openLearner({ optimizer })
      const { trained: plain } = await watch(learner, start, { ...WHOLE, hooks })
      const { trained, progress } = await watch(learner, start, { ...WHOLE, hooks, record: UNTOUCHED })
      expectClose(trained.weights, plain.weights)
      expect(trained.loss).toBeCloseTo(plain.loss, 5)
      expect(trained).toMatchObject({ epochs: 3, images: 60 })
      expect(progress.map(({ epoch, images, total }) => [epoch, images, total])).toEqual(
        [1, 2, 3].map((n) => [n, 20 * n, 60]),
      )
      expect(trained.local).toMatchObject({ images: 100, correct: plain.local!.correct })
    },
  )

  it('goes by the mean of clipped gradients: a step with a small norm, in plain code', async () => {
    const learner = await openLearner({ optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0 } })
    const { hooks, clip, mu, lr } = { hooks: { gradient: pull }, clip: 0.05, mu: 0.5, lr: 0.1 }
    const given = { ...WHOLE, epochs: 1, lr, hooks, record: { clip, noise: 0 } }
    const { trained } = await watch(learner, start, given)
    const { dataset } = await import('../support/learner.ts').then(({ job }) => job())
    const sums = clippedInPlainCode(await singleGradients({ model, dataset, start }, WHOLE.train), clip)
    for (const [name, { data }] of start) {
      // What is added to the gradient is not clipped.
      const added = data.map(
        (w, i) => mu * (w - pull.proximal.anchor.get(name)!.data[i]!) + pull.shift.get(name)!.data[i]!,
      )
      const expected = data.map((w, i) => w - lr * (sums.get(name)![i]! / 20 + added[i]!))
      expect(relativeError(trained.weights.get(name)!.data, expected), name).toBeLessThan(1e-5)
    }
  })

  it('draws other samples and other noise each time, unless a test seed is given', async () => {
    const learner = await openLearner({})
    const train = async (given: Partial<TrainPlan>) =>
      allBits((await watch(learner, start, { train: range(0, 30), batch: 10, epochs: 1, ...given })).trained.weights)
    const hidden = { clip: 1, noise: 1 }
    expect(await train({ record: hidden })).not.toEqual(await train({ record: hidden }))
    const seeded = { record: { ...hidden, testSeed: 4 } }
    const first = await train(seeded)
    expect(await train(seeded)).toEqual(first)
    for (const other of [{ owner: 4 }, { round: 3 }, { record: { ...hidden, testSeed: 5 } }]) {
      expect(await train({ ...seeded, ...other })).not.toEqual(first)
    }
  })

  it('adds noise of the stated size', async () => {
    const learner = await openLearner({ optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0 } })
    const step = { train: range(0, 20), batch: 10, epochs: 1, lr: 1 }
    const of = async (noise: number) =>
      (await watch(learner, start, { ...step, train: range(0, 10), record: { clip: 0.2, noise, testSeed: 8 } })).trained
        .weights
    const [quiet, noisy] = [await of(0), await of(2)]
    const off = [...quiet].flatMap(([name, { data }]) => [...data].map((w, i) => noisy.get(name)!.data[i]! - w))
    // lr · noise · clip / 10 = 0.04; the standard error of a deviation is 1 / √(2 n) of it.
    expect(Math.abs(norm(off) / Math.sqrt(off.length) / 0.04 - 1)).toBeLessThan(4 / Math.sqrt(2 * off.length))
  })

  const dropped = buildModel([flatten, dropout(0.5), dense(4)], [1, 12, 12], 4)
  it.each<[string, Partial<TrainPlan>, Partial<LearnerJob>]>([
    ['a perturbation is of the gradient of all of them', { hooks: { perturb: { rho: 0.1 } } }, {}],
    ['its logits are mapped', { hooks: { logits: { shift: new Float32Array(4) } } }, {}],
    ['the part of a teacher', { hooks: { teacher: { beta: 1, weights: start } } }, {}],
    ['depends on its test images', { untilAccuracy: 0.9 }, {}],
    ["dropout goes by an image's place", {}, { model: dropped }],
  ])('refuses what the noise does not cover: %s', async (message, given, setup) => {
    const learner = await openLearner(setup)
    const weights = initialWeights(setup.model ?? model, 1)
    const error = await rejection(learner.train(weights, { ...plan(given), record: UNTOUCHED }, () => {}))
    expect(error).toMatchObject({ code: 'E_OBJECTIVE', message: expect.stringContaining(message) })
    expect(error).toMatchObject({ message: expect.stringMatching(/^owner 3, round 2: its images are hidden, but /) })
  })
})

describe('hidden images with several workers', () => {
  it('have the same bits as with one, under a test seed', async () => {
    const plans = [1, 2, 3].map((owner) => ({
      owner,
      train: range(owner * 50, owner * 50 + 90),
      epochs: 2,
      record: { clip: 0.5, noise: 1, testSeed: 3 },
    }))
    const runs = [1, 2].map(async (workers) => {
      const learner = await open({ model, workers }, block ? { block } : {})
      const trained = await Promise.all(plans.map((given) => watch(learner, start, given)))
      return trained.map((one) => allBits(one.trained.weights))
    })
    const [one, two] = await Promise.all(runs)
    expect(two).toEqual(one)
    expect(one![0]).not.toEqual(one![1])
  })
})

describe('the sum of clipped gradients', () => {
  const images = someImages([conv(B), relu, pool(2), flatten, dense(10)], [1, 9, 9])

  it('of no image is 0', async () => {
    const { sum, loss } = await (await openRecords(images, 1)).clippedSum(new Uint32Array())
    expect(loss).toBe(0)
    for (const { data } of sum.values()) expect(norm(data)).toBe(0)
  })

  it('of one image is no longer than the norm', async () => {
    const trainer = await openRecords(images, 0.01, block ? { block } : {})
    for (let i = 0; i < 10; i++) {
      const { sum } = await trainer.clippedSum(Uint32Array.of(i))
      const length = Math.hypot(...[...sum.values()].map(({ data }) => norm(data)))
      expect(Math.abs(length / 0.01 - 1)).toBeLessThan(1e-5)
    }
  })

  it('counts an image as often as it is there, and one without a gradient as nothing', async () => {
    const certain = someImages([flatten, dense(10)], [1, 3, 3])
    // Image 7 has label 9, of whose logit the model is certain.
    certain.start.get('dense1.bias')!.data[9] = 1e4
    const trainer = await openRecords(certain, 0.5)
    const [alone, other, both] = await Promise.all(
      [[7], [3], [7, 3, 3]].map(async (indices) => (await trainer.clippedSum(Uint32Array.from(indices))).sum),
    )
    for (const [name, { data }] of other!) {
      expect(norm(alone!.get(name)!.data)).toBe(0)
      expect(norm(data)).toBeGreaterThan(0.1)
      expect(
        relativeError(
          both!.get(name)!.data,
          data.map((value) => 2 * value),
        ),
      ).toBeLessThan(1e-6)
    }
  })
})
