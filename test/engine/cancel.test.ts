import { describe, expect, it } from 'vitest'
import { onnxEngine } from '../../src/engine/onnx/session/onnx-engine.ts'
import { initialWeights } from '../../src/model/init.ts'
import { buildModel } from '../../src/model/model.ts'
import { presetLayers } from '../../src/model/presets.ts'
import { job, open, plan, rejection, watch } from '../support/learner.ts'
import { range } from '../support/synthetic.ts'

const start = initialWeights(job().model, 1)

describe('cancelling', () => {
  it('rejects promptly with the signal’s reason, what runs and what waits', async () => {
    const controller = new AbortController()
    const learner = await open({ signal: controller.signal })
    const reason = new Error('enough')
    let aborted = 0
    const abort = () => {
      aborted ||= performance.now()
      controller.abort(reason)
    }
    const running = rejection(learner.train(start, plan({ epochs: 100_000 }), abort))
    const waiting = rejection(watch(learner, start))
    const evaluation = rejection(learner.evaluate(start, range(0, 500)))
    expect(await Promise.all([running, waiting, evaluation])).toEqual([reason, reason, reason])
    expect(performance.now() - aborted).toBeLessThan(2000)
    expect(await rejection(watch(learner, start))).toBe(reason)
    await learner.close()
  })

  it('works before the start, too', async () => {
    const reason = new Error('never mind')
    const learner = await open({ signal: AbortSignal.abort(reason) })
    expect(await rejection(watch(learner, start))).toBe(reason)
  })

  // Ending a thread inside the native library would end this whole process: a failure here may show as a crash.
  it.each(['close', 'abort'])('waits for threads at work: %s', async (how) => {
    const controller = new AbortController()
    const cnn = buildModel(presetLayers('cnn', 10), [1, 12, 12], 10)
    const learner = await open({ workers: 2, model: cnn, signal: controller.signal })
    const all = [1, 2, 3].map(
      (owner) =>
        new Promise<void>((progress, reject) => {
          const training = learner.train(initialWeights(cnn, 1), plan({ owner, epochs: 100_000 }), () => progress())
          training.then(() => reject(new Error('it came to its end')), reject)
        }),
    )
    await Promise.race(all)
    if (how === 'abort') controller.abort(new Error('enough'))
    const began = performance.now()
    await learner.close()
    expect(performance.now() - began).toBeLessThan(5000)
    // The third one had to wait for a thread and never began.
    expect(await rejection(all[2]!)).toBeInstanceOf(Error)
    await Promise.allSettled(all)
  })

  it('may be closed twice', async () => {
    const learner = await onnxEngine({ device: 'cpu' }).open(job())
    await watch(learner, start, { epochs: 1 })
    await learner.close()
    await expect(learner.close()).resolves.toBeUndefined()
  })
})
