import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { accuracy, meanLoss } from '../../src/engine/engine.ts'
import { loadTfjs } from '../../src/engine/tfjs/tfjs-engine.ts'
import { initialWeights } from '../../src/model/init.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel } from '../../src/model/model.ts'
import { someHooks } from '../support/hooks.ts'
import { DATASET, job, LAYERS, plan, rejection, watch } from '../support/learner.ts'
import { bits } from '../support/numbers.ts'
import { range } from '../support/synthetic.ts'
import { openTfjs } from '../support/tfjs-learner.ts'

const start = initialWeights(job().model, 1)
const values = ({ weights }: { weights: typeof start }) => [...weights.values()].map(({ data }) => bits(data))

describe('the tfjs engine', () => {
  it('says what computes', async () => {
    const engine = await loadTfjs('cpu')
    expect(engine).toMatchObject({ name: 'tfjs', device: 'cpu' })
    expect(engine.version).toMatch(/^tfjs 4\.\d+\.\d+, pure JS$|^tfjs-node 4\.\d+\.\d+, TensorFlow 2\./)
  })

  it('learns separable images, and stops where that is accurate enough', async () => {
    const learner = await openTfjs()
    const before = await learner.evaluate(start, plan().test)
    const { trained, progress } = await watch(learner, start, { epochs: 20, untilAccuracy: 0.95 })
    expect(accuracy(before)).toBeLessThan(0.6)
    expect(accuracy(trained.local!)).toBeGreaterThanOrEqual(0.95)
    expect(meanLoss(trained.local!)).toBeLessThan(meanLoss(before))
    expect(trained.epochs).toBeLessThan(20)
    expect(trained.images).toBe(trained.epochs * 210)
    expect(trained.seconds).toBeGreaterThan(0)
    expect(progress.at(-1)).toMatchObject({ epoch: trained.epochs, epochs: 20, images: trained.images, total: 4200 })
    expect(await learner.evaluate(trained.weights, plan().test)).toEqual(trained.local)
  })

  it('gives owners that train at once the numbers that they get one after another', async () => {
    const dropped: Layer[] = [...LAYERS.slice(0, 4), { type: 'dropout', rate: 0.2 }, LAYERS[4]!]
    const model = buildModel(dropped, [1, 12, 12], 4)
    const learner = await openTfjs({ model, optimizer: { kind: 'adam', momentum: 0, weightDecay: 0 } })
    const plans = [1, 2].map((owner) => ({ owner, train: range(owner * 20, owner * 20 + 50), epochs: 2 }))
    const [together, between] = await Promise.all([
      Promise.all(plans.map((given) => watch(learner, start, given))),
      learner.evaluate(start, range(400, 500)),
    ])
    for (const [i, given] of plans.entries()) {
      const alone = await watch(learner, start, given)
      expect(values(together[i]!.trained)).toEqual(values(alone.trained))
      expect(together[i]!.trained.local).toEqual(alone.trained.local)
    }
    expect(between).toEqual(await learner.evaluate(start, range(400, 500)))
    expect(values(together[1]!.trained)).not.toEqual(values(together[0]!.trained))
  })

  it('of no images counts nothing', async () => {
    const nothing = await (await openTfjs()).evaluate(start, new Uint32Array())
    expect(nothing).toEqual({ images: 0, correct: 0, lossSum: 0, confusion: new Uint32Array(16) })
  })

  it('lets the event loop run between steps', async () => {
    const learner = await openTfjs()
    let turns = 0
    const timer = setInterval(() => turns++, 0)
    const { progress } = await watch(learner, start, { epochs: 2, batch: 8 }).finally(() => clearInterval(timer))
    expect(turns).toBeGreaterThanOrEqual(10)
    expect(progress.at(-1)).toMatchObject({ images: 420, total: 420 })
  })
})

describe('its tensors', () => {
  it.each(['sgd', 'momentum', 'adam'] as const)(
    'are all given back, round after round, hooks or none (%s)',
    async (kind) => {
      const outside = tf.memory().numTensors
      const model = buildModel([...LAYERS.slice(0, 4), { type: 'dropout', rate: 0.2 }, LAYERS[4]!], [1, 12, 12], 4)
      const engine = await loadTfjs('cpu')
      const learner = await engine.open(job({ model, optimizer: { kind, momentum: 0.9, weightDecay: 0.01 } }))
      const counts: number[] = []
      const hooked = [{}, someHooks(model)['all of them']!, someHooks(model)['a shift of the logits']!]
      for (const [i, hooks] of hooked.entries()) {
        const { trained } = await watch(learner, start, { round: i + 1, epochs: 1, train: range(0, 50), hooks })
        await learner.evaluate(trained.weights, range(400, 450))
        counts.push(tf.memory().numTensors)
      }
      expect(counts).toEqual([outside + 4, outside + 4, outside + 4])
      await rejection(watch(learner, start, { lr: 1e30, epochs: 5 }))
      expect(tf.memory().numTensors).toBe(outside + 4)
      await learner.close()
      await learner.close()
      expect(tf.memory().numTensors).toBe(outside)
    },
  )
})

describe('where it fails', () => {
  it('names owner, round and tensor of a divergence as the onnx engine does', async () => {
    const learner = await openTfjs()
    const error = await rejection(watch(learner, start, { lr: 1e9, epochs: 1_000_000 }))
    expect(error).toMatchObject({
      name: 'FedunifyError',
      kind: 'training',
      message: expect.stringMatching(
        /^owner 3, round 2: (loss|(conv1|dense1)\.(weight|bias)) became -?(NaN|Infinity) by step \d+: the training diverged$/,
      ),
      hint: 'lower the learning rate (lr was 1000000000 in this round)',
    })
    expect((await watch(learner, start, { epochs: 1 })).trained.images).toBe(210)
  })

  it('sees it after the very last update, too', async () => {
    const learner = await openTfjs({ optimizer: { kind: 'sgd', momentum: 0, weightDecay: 1e4 } })
    const error = await rejection(watch(learner, start, { lr: 1e38, epochs: 1, train: range(0, 20) }))
    expect(String(error)).toMatch(/owner 3, round 2: conv1.weight became -?(Infinity|NaN) by step 1:/)
  })

  it('names owner, round and the setting to lower where the memory is too small', async () => {
    // Thrown on the way to the first step, where a GPU's allocator would throw.
    const images = new Proxy(DATASET.images, {
      get: () => () => {
        throw new Error('OOM when allocating tensor with shape[64,32,28,28]\nand much more')
      },
    })
    const learner = await openTfjs({ dataset: { ...DATASET, images } })
    const tensors = tf.memory().numTensors
    const error = await rejection(watch(learner, start, { batch: 64 }))
    expect(error).toMatchObject({
      name: 'FedunifyError',
      kind: 'training',
      message: 'owner 3, round 2: the tfjs engine failed: OOM when allocating tensor with shape[64,32,28,28]',
      hint: 'lower the batch size (it was 64)',
    })
    expect(tf.memory().numTensors).toBe(tensors)
  })
})

describe('cancelling', () => {
  it('ends what runs and what waits with the signal’s reason, between two steps', async () => {
    const controller = new AbortController()
    const learner = await openTfjs({ signal: controller.signal })
    const reason = new Error('enough')
    const reports: number[] = []
    const running = learner.train(start, plan({ epochs: 1000 }), ({ images }) => {
      reports.push(images)
      if (reports.length === 3) controller.abort(reason)
    })
    const all = [running, learner.train(start, plan(), () => {}), learner.evaluate(start, range(0, 10))]
    expect(await Promise.all(all.map((promise) => rejection(promise)))).toEqual([reason, reason, reason])
    expect(reports).toHaveLength(3)
    expect(await rejection(watch(learner, start))).toBe(reason)
  })

  it('comes with closing, too', async () => {
    const learner = await openTfjs()
    let closing: Promise<void> | undefined
    const running = rejection(learner.train(start, plan({ epochs: 1000 }), () => (closing ??= learner.close())))
    expect(String(await running)).toMatch(/owner 3, round 2: the tfjs engine failed: the learner was closed/)
    await closing
  })
})
