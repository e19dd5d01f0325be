import { describe, expect, it } from 'vitest'
import { epsilonAfter, noiseFor } from '../../src/privacy/accountant/accountant.ts'
import { gaussianDelta, gaussianEpsilon } from '../../src/privacy/accountant/gaussian.ts'
import { ORDERS, renyiEpsilon } from '../../src/privacy/accountant/renyi.ts'
import { sampledGaussian } from '../../src/privacy/accountant/sampled-gaussian.ts'

const steps = (from: number, count: number, by = 1) => Array.from({ length: count }, (_, i) => from + i * by)

/** Within so many parts of the expected value. */
const relative = (value: number, expected: number) => Math.abs(value / expected - 1)

describe('the exact Gaussian', () => {
  // dp_accounting, pld/privacy_loss_mechanism_test.py: sigma 1, sensitivity 1, one that is added or removed.
  it.each([
    [-1, 0.67881797],
    [1, 0.12693674],
  ])('published: delta at epsilon %d', (epsilon, delta) => {
    expect(Math.abs(gaussianDelta(1, epsilon) - delta)).toBeLessThan(1e-7)
  })

  // The formula of theorem 8 with 60 digits.
  it.each([
    [0.01, 3, 1],
    [0.1, 60, 0.13683538039646],
    [0.3, 0, 0.9044192954543706],
    [1, 10, 9.81270582684696e-23],
    [1, 30, 4.70932631809752e-193],
    [5, 2, 4.0437035667649e-25],
    [1e3, 1e-4, 0.000350952862015666],
    [1e4, 1e-3, 7.47829846001953e-29],
  ])('noise %d, epsilon %d: no digits are lost in the tails', (noise, epsilon, delta) => {
    expect(relative(gaussianDelta(noise, epsilon), delta)).toBeLessThan(1e-10)
  })

  it('epsilon is the inverse of delta, and never below it', () => {
    for (const noise of [0.3, 1, 4, 50]) {
      for (const delta of [1e-3, 1e-5, 1e-9]) {
        const epsilon = gaussianEpsilon(noise, delta)
        expect(gaussianDelta(noise, epsilon)).toBeLessThanOrEqual(delta)
        expect(relative(gaussianDelta(noise, epsilon), delta)).toBeLessThan(1e-9)
      }
    }
  })

  it('no noise costs all, much noise nothing', () => {
    expect(gaussianEpsilon(0, 1e-5)).toBe(Number.POSITIVE_INFINITY)
    // delta(0) = 2 Φ(1/2z) - 1 = 0.0004.
    expect(gaussianEpsilon(1000, 1e-3)).toBe(0)
  })
})

describe('from Rényi divergence to epsilon', () => {
  // pfl-research, internal/test_privacy_loss_bound.py.
  it.each([
    [2, 1, 1e-5, 11.126631103850338],
    [10, 0.5, 1e-3, 0.9063250605630727],
  ])('published: order %d, divergence %d, delta %d', (order, divergence, delta, epsilon) => {
    expect(Math.abs(renyiEpsilon(() => divergence, delta, [order]) - epsilon)).toBeLessThan(1e-10)
  })

  it('published: the best of the orders 2 to 32', () => {
    const constant = (orders: number[], delta = 1e-5) => renyiEpsilon(() => 1.1, delta, orders)
    expect(constant(steps(2, 31))).toBeCloseTo(1.32783806176, 10)
    expect(constant([32])).toBe(constant(steps(2, 31)))
    // And back: at a smaller delta epsilon is larger.
    expect(constant(steps(2, 31), 1e-5 * (1 - 1e-6))).toBeGreaterThan(1.3278380619)
  })

  it('published: orders of three decimals at full participation', () => {
    const orders = steps(1, 98_998).map((_, i) => (1001 + i) / 1000)
    expect(renyiEpsilon(sampledGaussian(4.530877117, 1), 1e-6, orders)).toBeCloseTo(1, 7)
  })

  it('published: 2250 steps of a sample', () => {
    // opacus, tests/accountants_test.py.
    const step = sampledGaussian(1.5, 0.04)
    const orders = [...ORDERS.filter((order) => order < 11), ...steps(12, 52)]
    expect(renyiEpsilon((order) => 2250 * step(order), 1e-5, orders)).toBeCloseTo(7.32911117143, 8)
  })
})

describe('the sampled Gaussian', () => {
  // The integral of Mironov, Talwar, Zhang 2019, section 3.3, by quadrature with 30 digits.
  it.each([
    [1.5, 0.04, 1.1, 0.000481656740034299],
    [1.5, 0.04, 1.5, 0.000663111693911725],
    [1.5, 0.04, 2, 0.000894996966873739],
    [1.5, 0.04, 2.5, 0.00113280346647016],
    [1.5, 0.04, 7.3, 0.00380330276720318],
    [1.5, 0.04, 10.9, 0.00659167206807291],
    [1.5, 0.04, 32, 3.78842631431153],
    [1, 1e-4, 2, 1.71828181369658e-8],
    [1, 1e-4, 32, 6.49255187444442],
  ])('noise %d, rate %d, order %d', (noise, rate, order, divergence) => {
    const value = sampledGaussian(noise, rate)(order)
    expect(relative(value, divergence)).toBeLessThan(2e-9)
    // Where the series is cut, what is left out is added.
    expect(value).toBeGreaterThan(divergence * (1 - 1e-12))
  })

  it('the bound is never below the exact epsilon at full participation, nor does it jump there', () => {
    for (const noise of [0.5, 1, 5, 20]) {
      const exact = epsilonAfter({ noise, rate: 1, steps: 1, delta: 1e-5 })
      const bound = renyiEpsilon(sampledGaussian(noise, 1), 1e-5)
      expect(bound).toBeGreaterThanOrEqual(exact)
      expect(epsilonAfter({ noise, rate: 1 - 1e-9, steps: 1, delta: 1e-5 })).toBeCloseTo(bound, 5)
    }
  })

  it('nobody who has no part is told of', () => {
    expect(sampledGaussian(1, 0)(2)).toBe(0)
    expect(sampledGaussian(0, 0.1)(2)).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('what is spent', () => {
  it('rounds of full participation are one of less noise', () => {
    const four = epsilonAfter({ noise: 2, rate: 1, steps: 4, delta: 1e-5 })
    expect(four).toBe(epsilonAfter({ noise: 1, rate: 1, steps: 1, delta: 1e-5 }))
    expect(four).toBe(gaussianEpsilon(1, 1e-5))
    expect(epsilonAfter({ noise: 2, rate: 1, steps: 0, delta: 1e-5 })).toBe(0)
  })

  it('grows with the steps and the rate, and less with more noise', () => {
    const of = (more: object) => epsilonAfter({ noise: 1.1, rate: 0.01, steps: 1000, delta: 1e-5, ...more })
    expect(of({ steps: 1001 })).toBeGreaterThan(of({}))
    expect(of({ rate: 0.011 })).toBeGreaterThan(of({}))
    expect(of({ noise: 1.2 })).toBeLessThan(of({}))
  })

  it.each([
    { epsilon: 4, delta: 1e-5, rate: 1, steps: 20 },
    { epsilon: 0.1, delta: 1e-6, rate: 1, steps: 3 },
    { epsilon: 4, delta: 1e-5, rate: 0.01, steps: 2000 },
    { epsilon: 8, delta: 1e-5, rate: 0.3, steps: 10 },
  ])('the least noise of five digits for %o', ({ epsilon, ...run }) => {
    const noise = noiseFor({ epsilon, ...run })!
    expect(epsilonAfter({ noise, ...run })).toBeLessThanOrEqual(epsilon)
    expect(noise).toBe(Number(noise.toPrecision(5)))
    expect(epsilonAfter({ noise: noise * (1 - 1.1e-4), ...run })).toBeGreaterThan(epsilon)
  })

  it('an epsilon that no noise reaches', () => {
    // However much noise: ln(1 - 1/1024) - ln(1024 delta) / 1023 is left at the largest order.
    expect(noiseFor({ epsilon: 0.001, delta: 1e-5, rate: 0.01, steps: 20 })).toBeUndefined()
    expect(noiseFor({ epsilon: 1e-9, delta: 1e-12, rate: 1, steps: 20 })).toBeUndefined()
  })
})
