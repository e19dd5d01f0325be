import { describe, expect, it } from 'vitest'
import { makeAlgorithm } from '../../src/algorithm/make-algorithm.ts'
import { handedIn } from '../../src/privacy/noise/at-owner.ts'
import { adapted, ServerNoise } from '../../src/privacy/noise/at-server.ts'
import { clipChange } from '../../src/privacy/noise/clip.ts'
import { type OwnerNoise, splitOf } from '../../src/privacy/noise/owner-noise.ts'
import { seededRandom } from '../../src/privacy/randomness.ts'
import { numberAsWeights, weightsAsNumber } from '../../src/weights/number.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { valuesOf, weightsOf } from '../support/fake-owner.ts'

const scalar = (value: number) => ({ shape: [], data: Float32Array.of(value) })
const zeros = (count: number) => weightsOf(...new Float32Array(count))

describe('clipping', () => {
  it('is by one norm over all tensors', () => {
    const base = new Map([...weightsOf(10, 0), ['v', { shape: [1], data: Float32Array.of(20) }]])
    const trained = new Map([...weightsOf(13, 0), ['v', { shape: [1], data: Float32Array.of(24) }]])
    const { weights, within } = clipChange(base, trained, 1)
    expect(within).toBe(false)
    // The change is (3, 0, 4), of length 5.
    expect(weights.get('w')!.data[0]).toBeCloseTo(10.6, 5)
    expect(weights.get('w')!.data[1]).toBe(0)
    expect(weights.get('v')!.data[0]).toBeCloseTo(20.8, 5)
  })

  it('of a scalar too', () => {
    const { weights } = clipChange(new Map([['t', scalar(0)]]), new Map([['t', scalar(2)]]), 1)
    expect(weights.get('t')!.data[0]).toBe(1)
  })

  it('leaves a change within the norm as it is, bit by bit', () => {
    const trained = weightsOf(0.6, 0.8)
    // Their float32 are 2.4e-8 longer than 1.
    expect(clipChange(zeros(2), trained, 1.0000001)).toEqual({ weights: trained, within: true })
  })

  it('is never longer than the norm once it is rounded to float32', () => {
    const random = seededRandom(1, 'clip')
    const numbers = (size: number) => weightsOf(...Array.from({ length: 5000 }, () => size * random.gaussian()))
    const [base, trained] = [numbers(1), numbers(3)]
    for (const norm of [1e-9, 1e-4, 0.3, 1, 70]) {
      const { weights } = clipChange(base, trained, norm)
      const from = valuesOf(base)
      const length = Math.sqrt(valuesOf(weights).reduce((sum, value, i) => sum + (value - from[i]!) ** 2, 0))
      expect(length).toBeLessThanOrEqual(norm)
      if (norm >= 0.3) expect(length).toBeGreaterThan(norm * (1 - 1e-4))
    }
  })

  it('keeps weights that are not finite, which stop the run', () => {
    const trained = weightsOf(1, Number.NaN)
    expect(clipChange(zeros(2), trained, 1).weights).toBe(trained)
  })
})

const COUNT = 100_000

/** Mean and standard deviation of the values, within four standard errors of what is expected. */
function expectGaussian(values: readonly number[], deviation: number) {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length
  const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length
  expect(Math.abs(mean)).toBeLessThan((4 * deviation) / Math.sqrt(values.length))
  expect(Math.abs(variance / deviation ** 2 - 1)).toBeLessThan(4 * Math.sqrt(2 / values.length))
}

describe('noise of the server', () => {
  const noise: OwnerNoise = { by: 'server', noise: 2, clip: 0.5, owners: 4, testSeed: 1 }

  it('is noise x clip on the sum, and a share of that on the mean', () => {
    const mean = zeros(COUNT)
    new ServerNoise(noise).step({}, { round: 1, base: zeros(COUNT), mean, present: 4, sent: {} })
    expectGaussian(valuesOf(mean), (2 * 0.5) / 4)
  })

  it('is other noise in each round', () => {
    const of = (round: number) => {
      const mean = zeros(3)
      new ServerNoise(noise).step({}, { round, base: zeros(3), mean, present: 4, sent: {} })
      return valuesOf(mean)
    }
    expect(of(1)).toEqual(of(1))
    expect(of(1)).not.toEqual(of(2))
  })

  it('the sum is divided by the number of owners of a round, however many are there', () => {
    const mean = weightsOf(13, 8)
    const none = new ServerNoise({ ...noise, noise: 0 })
    none.step({}, { round: 1, base: weightsOf(10, 10), mean, present: 2, sent: {} })
    // Changes of 3 and -2 of two owners: sums of 6 and -4, divided by 4.
    expect(valuesOf(mean)).toEqual([11.5, 9])
  })

  it('comes before whatever the server makes of the mean', () => {
    const rounds = (given?: OwnerNoise) => {
      const algorithm = makeAlgorithm(
        { merge: ['avg'], server: { avgm: { momentum: 0.5, lr: 1 } }, objective: 'cross-entropy' },
        undefined,
        given,
      )
      const base = zeros(2)
      const fold = algorithm.fold({ round: 1, base })
      for (const owner of [1, 2, 3, 4]) fold.add({ owner, trainImages: 1, sent: {}, weights: weightsOf(1, 2) })
      const { model, state, clip } = algorithm.step(algorithm.start(base), base, fold.finish())
      return { values: valuesOf(model), momentum: valuesOf(state['server/v']!), clip }
    }
    const [plain, noisy] = [rounds(), rounds(noise)]
    expect(plain).toEqual({ values: [1, 2], momentum: [-1, -2], clip: undefined })
    const added = seededRandom(1, 'noise', 1)
    const expected = [1, 2].map((value) => Math.fround(value + 0.25 * added.gaussian()))
    expect(noisy.values).toEqual(expected)
    expect(noisy.momentum).toEqual(expected.map((value) => -value))
    expect(noisy.clip).toBe(0.5)
  })
})

describe('noise of the owners', () => {
  const noise: OwnerNoise = { by: 'owners', noise: 2, clip: 0.5, owners: 10, testSeed: 1 }
  const round = { round: 1, received: zeros(COUNT), instruction: {} }

  it('each adds a share to its clipped change, and the shares are noise x clip on the sum', () => {
    const sum = new Array<number>(COUNT).fill(0)
    const trained = weightsOf(3, 4, ...new Float32Array(COUNT - 2))
    for (let owner = 1; owner <= 10; owner++) {
      const { weights, sent } = handedIn(noise, { ...round, owner, trained })
      expect(sent).toEqual({})
      for (const [i, value] of valuesOf(weights).entries()) sum[i]! += value
    }
    // 10 changes of (3, 4), clipped to (0.3, 0.4).
    sum[0]! -= 3
    sum[1]! -= 4
    expectGaussian(sum, 2 * 0.5)
  })

  it('the server adds none then', () => {
    const mean = weightsOf(1)
    new ServerNoise(noise).step({}, { round: 1, base: weightsOf(0), mean, present: 10, sent: {} })
    expect(valuesOf(mean)).toEqual([1])
  })

  it('what was trained stays as it was', () => {
    const trained = zeros(3)
    handedIn(noise, { ...round, received: zeros(3), owner: 1, trained })
    expect(valuesOf(trained)).toEqual([0, 0, 0])
  })
})

describe('an adaptive norm', () => {
  const clip = { quantile: 0.5, start: 1, rate: 0.2 }
  const noise: OwnerNoise = { by: 'server', noise: 0, clip, owners: 4 }

  it('the noise of update and count is together what was asked for', () => {
    // Of 100 owners the count has 5, so that (1 - 0.01)^(-1/2) is left; of 10 as much as was asked for.
    expect(splitOf({ noise: 1, clip, owners: 100 })).toEqual({ update: expect.closeTo(1.0050378, 6), count: 5 })
    expect(splitOf({ noise: 1, clip, owners: 10 })).toEqual({ update: expect.closeTo(1.1547005, 6), count: 1 })
    for (const [z, owners] of [
      [0.5, 10],
      [3, 100],
      [8, 1000],
    ] as const) {
      const { update, count } = splitOf({ noise: z, clip, owners })
      expect(update ** -2 + (2 * count) ** -2).toBeCloseTo(z ** -2, 10)
    }
    expect(splitOf({ noise: 1, clip: 1, owners: 10 })).toEqual({ update: 1, count: 0 })
  })

  it('goes towards the quantile by its rule', () => {
    // Three of four within: e^(-0.2 (0.75 - 0.5)).
    expect(adapted(1, 0.75, clip)).toBeCloseTo(0.9512294, 7)
    expect(adapted(2, 0, clip)).toBeCloseTo(2 * 1.1051709, 6)
  })

  it('is sent to owners, which say whether they are within it; the state has the next one', () => {
    const algorithm = makeAlgorithm({ merge: ['avg'], server: 'none', objective: 'cross-entropy' }, undefined, noise)
    const base = zeros(2)
    const state = algorithm.start(base)
    const fold = algorithm.fold({ round: 1, base })
    const lengths = [0.5, 0.9, 3, 1]
    for (const [i, length] of lengths.entries()) {
      const owner = i + 1
      const instruction = algorithm.instruct(state, owner)
      expect(weightsAsNumber(instruction['privacy/norm']!)).toBe(1)
      const trained = weightsOf(0, length)
      fold.add({ owner, trainImages: 1, ...handedIn(noise, { round: 1, owner, received: base, trained, instruction }) })
    }
    const stepped = algorithm.step(state, base, fold.finish())
    expect(valuesOf(stepped.model)[1]).toBeCloseTo((0.5 + 0.9 + 1 + 1) / 4, 6)
    expect(weightsAsNumber(stepped.state['privacy/norm']!)).toBeCloseTo(0.9512294, 6)
    expect(stepped.clip).toBe(1)
    const next: Weights = algorithm.instruct(stepped.state, 1)['privacy/norm']!
    expect(weightsAsNumber(next)).toBeCloseTo(0.9512294, 6)
  })

  it('the count has noise, at the server or in shares', () => {
    const norms = (given: OwnerNoise) =>
      Array.from({ length: 1000 }, (_, round) => {
        const state = { norm: numberAsWeights(1) }
        const shares = Array.from({ length: 4 }, (_, i) => {
          const instruction = { 'privacy/norm': state.norm }
          const at = { round, owner: i + 1, received: zeros(1), trained: weightsOf(0.5), instruction }
          return weightsAsNumber(handedIn(given, at).sent['privacy/within']!)
        })
        const within = numberAsWeights(shares.reduce((sum, share) => sum + share, 0) / 4)
        const mean = { round, base: zeros(1), mean: zeros(1), present: 4, sent: { within } }
        const next = new ServerNoise(given).step(state, mean)
        // ln of the factor, -0.2 (1 - 0.5) on average, and σ_b / N of noise times the rate.
        return Math.log(weightsAsNumber(next.norm!)) + 0.1
      })
    const of = { ...noise, noise: 3, testSeed: 2 }
    expectGaussian(norms(of), (0.2 * 3) / 4)
    expectGaussian(norms({ ...of, by: 'owners' }), (0.2 * 3) / 4)
  })
})
