import { expect, it } from 'vitest'
import { resolveExperiment } from '../../src/config/resolve.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel } from '../../src/model/model.ts'
import { presetLayers } from '../../src/model/presets.ts'
import { assertMemory, assertStates, memoryNeed } from '../../src/run/memory-need.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'

const { experiment } = workshop()

const given = (values: object) =>
  resolveExperiment([{ kind: 'file', values: { workers: 2, ...values }, where: () => 'test' }])
const built = (...layers: Layer[]) => buildModel([...layers, { type: 'dense', units: 10 }], [1, 28, 28], 10)
const dense = (units: number): Layer => ({ type: 'dense', units })
const conv = (filters: number): Layer => ({ type: 'conv2d', filters, kernel: 3, padding: 'same' })

const cnn = buildModel(presetLayers('cnn', 10), [1, 28, 28], 10)

it('counts weights by the owners that train at once, and activations by the images of a batch', () => {
  const weights = (values: object, device: 'cpu' | 'cuda' = 'cpu') =>
    memoryNeed(cnn, given(values), device, 1000).weights
  const copy = 4 * 421_642
  expect(weights({ workers: 1 })).toBe(12 * copy)
  expect(weights({ workers: 2 })).toBe(16 * copy)
  expect(weights({ workers: 9, owners: 3 })).toBe(20 * copy)
  expect(weights({ workers: 1, optimizer: 'momentum' })).toBe(16 * copy)
  expect(weights({ workers: 1, optimizer: 'adam' })).toBe(20 * copy)
  expect(weights({ workers: 2 }, 'cuda')).toBe(8 * copy)
  const activations = (values: object) => memoryNeed(cnn, given(values), 'cpu', 1000).activations
  const image = 8 * (32 * 28 * 28 + 32 * 14 * 14 + 64 * 14 * 14 + 64 * 7 * 7 + 128 + 10)
  expect(activations({ workers: 1, batch: 64 })).toBe(64 * image)
  expect(activations({ workers: 2, batch: 64 })).toBe(2 * 64 * image)
  expect(activations({ workers: 1, batch: 1e9 })).toBe(1000 * image)
})

it('counts what merge rules ask of all owners', () => {
  const statistics = (values: object) => memoryNeed(cnn, given(values), 'cpu', 1000).statistics
  const grams = (3136 * 3137 + 128 * 129) / 2
  expect(statistics({})).toBe(0)
  expect(statistics({ owners: 3, env: 'V', merge: 'regmean' })).toBe(3 * 4 * grams)
  expect(statistics({ merge: ['avg', 'fisher', { regmean: { alpha: 0 } }] })).toBe(2 * 4 * (grams + 421_642))
  expect(() => assertMemory(cnn, given({ owners: 1000, env: 'V', merge: 'regmean' }), 'cpu', 60, 16e9)).toThrow(
    expect.objectContaining({
      hint: 'use a merge rule that asks for no statistics of the owners, a smaller model or fewer owners',
    }),
  )
})

it('refuses what is more than there is, in words', () => {
  const large = built({ type: 'flatten' }, dense(65_536), dense(65_536))
  expect(() => assertMemory(large, given({}), 'cpu', 30_000, 32e9)).toThrow(
    expect.objectContaining({
      kind: 'usage',
      message: 'the model of 4,347,133,962 parameters needs about 278.4 GB of memory or more, there are 32.0 GB',
      hint: 'use a smaller model or fewer workers',
    }),
  )
  const wide = built(conv(65_536), { type: 'maxpool2d', size: 2 }, conv(1), { type: 'flatten' })
  expect(() => assertMemory(wide, given({}), 'cpu', 30_000, 32e9)).toThrow(
    expect.objectContaining({ hint: 'use a smaller batch, a smaller model or fewer workers' }),
  )
  expect(() => assertMemory(cnn, given({ batch: 64 }), 'cpu', 30_000, 1e9)).not.toThrow()
})

it('refuses what owners keep if it is more than there is: that of all that ever train', () => {
  const needs = (values: object) => () => assertStates(cnn, given({ owners: 1000, ...values }), 1e9)
  expect(needs({ objective: 'scaffold' })).toThrow(
    expect.objectContaining({
      kind: 'usage',
      // 2 * 1000 * 4 * 421,642 bytes.
      message:
        'objective scaffold keeps 1.7 MB or more at each of 1,000 owners, which needs about 3.4 GB of memory or more, there are 1.0 GB',
    }),
  )
  const drawn = { objective: 'scaffold', participants: { count: 400 } }
  expect(needs({ ...drawn, rounds: 1 })).toThrow('at each of 400 owners, which needs about 1.3 GB')
  expect(needs({ ...drawn, participants: { count: 200 }, rounds: 1 })).not.toThrow()
  expect(needs({ ...drawn, participants: { count: 200 }, rounds: 30 })).toThrow(/at each of (9\d\d|1,000) owners/)
  expect(needs({})).not.toThrow()
})

it('is found out before anything is trained or written, by a plan too', async () => {
  const layers = [{ type: 'flatten' }, dense(65_536), dense(65_536), dense(4)]
  const file = experiment('large', { model: layers })
  for (const args of [
    ['run', file, '--dry-run'],
    ['run', file],
  ]) {
    const began = performance.now()
    const { code, out, err } = await fedunify([...args, '--device', 'cpu'])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(/^error: the model of 4,304,\d+,\d+ parameters needs about \d+\.\d GB .*\nhint: .*\n$/)
    expect(performance.now() - began).toBeLessThan(10_000)
  }
})
