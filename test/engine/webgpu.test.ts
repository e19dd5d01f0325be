import { describe, expect, it } from 'vitest'
import { checkEngine } from '../../src/doctor/engines.ts'
import type { OptimizerSettings } from '../../src/engine/engine.ts'
import { loadOnnx } from '../../src/engine/onnx/machine/load-onnx.ts'
import { initialWeights } from '../../src/model/init.ts'
import { buildModel } from '../../src/model/model.ts'
import { openTrainer } from '../support/chunk.ts'
import { someHooks } from '../support/hooks.ts'
import { job, LAYERS, NORMALISE, open, plan } from '../support/learner.ts'
import { mergeOf } from '../support/merging.ts'
import { relativeError } from '../support/numbers.ts'
import { someSteps } from '../support/steps.ts'
import { useSwiftShader } from '../support/swiftshader.ts'

const there = useSwiftShader()

// A Vulkan device in software takes its time where other programs want the processor too.
describe.skipIf(!there)('training on WebGPU is training on the CPU', { timeout: 180_000 }, () => {
  for (const settings of [
    { kind: 'sgd', momentum: 0, weightDecay: 0.01 },
    { kind: 'momentum', momentum: 0.9, weightDecay: 0 },
    { kind: 'adam', momentum: 0, weightDecay: 0 },
  ] satisfies OptimizerSettings[]) {
    it.each(['no hooks', 'all of them'])(`step by step with ${settings.kind}, hooks: %s`, async (name) => {
      const model = buildModel([...LAYERS.slice(0, 4), { type: 'dropout', rate: 0.3 }, LAYERS[4]!], [1, 12, 12], 4)
      const hooks = someHooks(model)[name] ?? {}
      const [cpu, gpu] = await Promise.all(
        (['cpu', 'webgpu'] as const).map(async (device) => {
          const trainer = await openTrainer(model, NORMALISE, settings, { device, hooks })
          return await trainer.run(trainer.start(initialWeights(model, 3)), someSteps(model, 20, 8))
        }),
      )
      for (const [i, loss] of cpu!.losses.entries()) {
        expect(Math.abs(gpu!.losses[i]! - loss) / loss, `step ${i + 1}`).toBeLessThan(1e-4)
      }
    })
  }

  it('gives the same merged weights and the same counts', async () => {
    const { model } = job()
    const start = initialWeights(model, 1)
    const results = await Promise.all(
      (['cpu', 'webgpu'] as const).map(async (device) => {
        const learner = await open({ workers: 2 }, { device })
        const owners = [1, 2].map(async (owner) => {
          const given = plan({ owner, epochs: 1 })
          const { weights } = await learner.train(start, given, () => {})
          return { owner, weights, trainImages: given.train.length }
        })
        const merged = mergeOf('avg', await Promise.all(owners))
        return { merged, scored: await learner.evaluate(merged, plan().test) }
      }),
    )
    const [cpu, gpu] = results
    for (const [name, { data }] of cpu!.merged) {
      expect(relativeError(gpu!.merged.get(name)!.data, data), name).toBeLessThan(1e-5)
    }
    expect(gpu!.scored.correct).toBe(cpu!.scored.correct)
    expect(gpu!.scored.confusion).toEqual(cpu!.scored.confusion)
  })

  it('is what --device webgpu takes', async () => {
    expect(await loadOnnx('webgpu', 'auto')).toMatchObject({ name: 'onnx', device: 'webgpu' })
  })

  it('is what the doctor compares', async () => {
    const { signal } = new AbortController()
    const found = await checkEngine('onnx', 'webgpu', () => loadOnnx('webgpu', 'auto'), signal)
    expect(found).toMatchObject({ status: 'ok', detail: expect.stringContaining('trained a batch') })
  })
})
