import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/privacy/randomness.ts'
import { noisyMean, poissonSample, sampledSteps } from '../../src/privacy/record/mechanism.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { range } from '../support/synthetic.ts'

describe('the steps of an epoch', () => {
  it.each([
    [30_000, 512, 512 / 30_000, 59],
    [60, 60, 1, 1],
    [60, 64, 1, 1],
    [61, 60, 60 / 61, 2],
    [1, 1, 1, 1],
  ])('of %i images in batches of %i: each image with probability %d, %i steps', (images, batch, rate, steps) => {
    expect(sampledSteps(images, batch)).toEqual({ rate, steps })
  })
})

describe('a Poisson sample', () => {
  const [count, rate, draws] = [200, 0.1, 4000]
  const images = range(1000, 1000 + count)
  const random = seededRandom(11, 'samples')
  const samples = Array.from({ length: draws }, () => poissonSample(images, rate, random))

  it('has sizes of the binomial distribution', () => {
    const sizes = samples.map(({ length }) => length)
    const mean = sizes.reduce((a, b) => a + b, 0) / draws
    const variance = sizes.reduce((sum, size) => sum + (size - count * rate) ** 2, 0) / draws
    const expected = count * rate * (1 - rate)
    // Four standard errors; the kurtosis of a binomial is close to 3.
    expect(Math.abs(mean - 20)).toBeLessThan(4 * Math.sqrt(expected / draws))
    expect(Math.abs(variance - expected)).toBeLessThan(4 * expected * Math.sqrt(2 / draws))
    expect(new Set(sizes).size).toBeGreaterThan(10)
  })

  it('takes every image as often as any other, without regard to its neighbour', () => {
    const times = new Float64Array(count)
    let both = 0
    for (const sample of samples) {
      const taken = new Set(sample)
      for (const image of sample) {
        times[image - 1000]!++
        if (taken.has(image + 1)) both++
      }
    }
    const chi = times.reduce((sum, n) => sum + (n - draws * rate) ** 2 / (draws * rate * (1 - rate)), 0)
    // 200 degrees of freedom: mean 200, deviation 20.
    expect(Math.abs(chi - count)).toBeLessThan(80)
    const pairs = (count - 1) * draws
    expect(Math.abs(both / pairs - rate ** 2)).toBeLessThan(4 * Math.sqrt(rate ** 2 / pairs))
  })

  it('keeps their order, and is all of them where all are expected', () => {
    for (const sample of samples.slice(0, 50)) expect([...sample]).toEqual([...sample].sort((a, b) => a - b))
    expect(poissonSample(images, 1, random)).toEqual(images)
    expect(poissonSample(images, 0, random)).toEqual(new Uint32Array())
  })
})

describe('what the optimizer is given', () => {
  const sum = (): Weights =>
    new Map([
      ['a', { shape: [40_000], data: new Float32Array(40_000).fill(6) }],
      ['b', { shape: [], data: Float32Array.of(-9) }],
    ])

  it('is the mean over the images that are expected, if there is no noise', () => {
    const mean = noisyMean(sum(), { clip: 5, noise: 0 }, 3, seededRandom(1))
    expect(mean.get('a')!.data.every((value) => value === 2)).toBe(true)
    expect(mean.get('b')!.data[0]).toBe(-3)
  })

  it('has noise of noise · clip / expected for every weight, each on its own', () => {
    const { data } = noisyMean(sum(), { clip: 0.5, noise: 1.2 }, 3, seededRandom(2)).get('a')!
    const off = Float64Array.from(data, (value) => (value - 2) / 0.2)
    const mean = off.reduce((a, b) => a + b, 0) / off.length
    const variance = off.reduce((all, value) => all + value ** 2, 0) / off.length
    const beside = off.reduce((all, value, i) => all + (i > 0 ? value * off[i - 1]! : 0), 0) / off.length
    // 1.2 · 0.5 / 3 = 0.2. Four standard errors of 40,000 numbers.
    expect(Math.abs(mean)).toBeLessThan(0.02)
    expect(Math.abs(variance - 1)).toBeLessThan(0.0283)
    expect(Math.abs(beside)).toBeLessThan(0.02)
  })
})
