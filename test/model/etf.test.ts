import { describe, expect, it } from 'vitest'
import { simplexFrame } from '../../src/model/etf.ts'
import { initialWeights } from '../../src/model/init.ts'
import { LayerSchema } from '../../src/model/layers.ts'
import { buildModel } from '../../src/model/model.ts'
import { dense, etf, flatten, relu } from '../support/layers.ts'
import { openStep } from '../support/one-step.ts'

describe('the simplex frame', () => {
  it.each([
    [2, 2],
    [3, 3],
    [10, 10],
    [11, 3],
    [128, 10],
    [300, 47],
  ])('of %i features and %i classes has unit columns, any two -1/(C - 1) apart', (features, classes) => {
    const frame = simplexFrame(features, classes)
    const column = (c: number) => Array.from({ length: features }, (_, i) => frame[i * classes + c]!)
    const inner = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
    for (let a = 0; a < classes; a++) {
      for (let b = 0; b <= a; b++) {
        expect(inner(column(a), column(b)), `${a} ${b}`).toBeCloseTo(a === b ? 1 : -1 / (classes - 1), 6)
      }
    }
    // Their sum is 0, so no class is favoured.
    for (let i = 0; i < features; i++) {
      const sum = frame.subarray(i * classes, (i + 1) * classes).reduce((total, value) => total + value, 0)
      expect(sum).toBeCloseTo(0, 6)
    }
  })

  it('of two classes is a direction and its opposite, by hand', () => {
    // P = [[1, 1], [1, -1]] / √2, and √2 P (I - 1 1ᵀ / 2) = [[0, 0], [1, -1]].
    const expected = [0, 0, 1, -1]
    for (const [i, value] of simplexFrame(2, 2).entries()) expect(value).toBeCloseTo(expected[i]!, 7)
  })
})

describe('an etf layer', () => {
  const model = buildModel([flatten, dense(2), etf(10)], [1, 1, 2], 2)
  const weights = new Map([
    ['dense1.weight', { shape: [2, 2], data: Float32Array.of(1, 0, 0, 1) }],
    ['dense1.bias', { shape: [2], data: Float32Array.of(0, 0) }],
    ['etf1.scale', { shape: [1], data: Float32Array.of(2) }],
  ])

  it('has the cosines to the frame, times the scale, as logits, and the gradients of that: by hand', async () => {
    const { logits, gradients } = await (await openStep(model))(Float32Array.of(3, 4), [1], weights)
    // f̂ = (0.6, 0.8).
    expect(logits[0]).toBeCloseTo(1.6, 6)
    expect(logits[1]).toBeCloseTo(-1.6, 6)
    // dz = (p, -p); v = 2 M dz = (0, 4 p); (v - f̂ (f̂ · v)) / 5 = (-1.92 p, 1.44 p) / 5.
    const p = 1 / (1 + Math.exp(-3.2))
    expect(gradients.get('etf1.scale')![0]).toBeCloseTo(1.6 * p, 6)
    expect(gradients.get('dense1.bias')![0]).toBeCloseTo(-0.384 * p, 6)
    expect(gradients.get('dense1.bias')![1]).toBeCloseTo(0.288 * p, 6)
  })

  it('does not see how long features are', async () => {
    const step = await openStep(model)
    const { logits } = await step(Float32Array.of(0.003, 0.004), [1], weights)
    expect(logits[0]).toBeCloseTo(1.6, 5)
  })

  it('gives features of length 0 no direction, and stays finite', async () => {
    const { loss, logits, gradients } = await (await openStep(model))(Float32Array.of(0, 0), [1], weights)
    expect([...logits]).toEqual([0, 0])
    expect(loss).toBeCloseTo(Math.LN2, 6)
    for (const gradient of gradients.values()) for (const value of gradient) expect(Number.isFinite(value)).toBe(true)
  })

  it('has a scale to learn, which begins as it is given, or none', () => {
    const { parameters } = buildModel([flatten, dense(4), etf(7)], [1, 2, 2], 3)
    expect(parameters.at(-1)).toEqual({ name: 'etf1.scale', shape: [1], fanIn: 1, initial: 7 })
    for (const owner of [0, 1, 2]) {
      const initial = initialWeights(buildModel([flatten, dense(4), etf(7)], [1, 2, 2], 3), 5, owner)
      expect([...initial.get('etf1.scale')!.data]).toEqual([7])
    }
    const fixed = buildModel([flatten, dense(4), etf(7, false)], [1, 2, 2], 3)
    expect(fixed.parameters.map(({ name }) => name)).toEqual(['dense1.weight', 'dense1.bias'])
    expect(LayerSchema.parse({ type: 'etf' })).toEqual({ type: 'etf', scale: 10, learn: true })
  })

  it.each([
    ['too few features', [flatten, dense(2), etf()], 'layer 3 (etf) has 2 features for 3 classes', /units: 3/],
    ['an image', [etf()], 'layer 1 (etf) needs a flat input, got 1x2x2', /flatten/],
    ['another layer behind it', [flatten, etf(), relu], 'layer 2 (etf) is not the last one', /at the end/],
  ])('refuses %s', (_, layers, message, hint) => {
    expect(() => buildModel(layers, [1, 2, 2], 3)).toThrow(
      expect.objectContaining({
        code: 'E_MODEL',
        message: expect.stringContaining(message),
        hint: expect.stringMatching(hint),
      }),
    )
  })
})
