import { describe, expect, it } from 'vitest'
import { randomFor, seededRandom, systemRandom } from '../../src/privacy/randomness.ts'

describe('Gaussian numbers', () => {
  const COUNT = 400_000
  const random = seededRandom(7, 'test')
  const numbers = Float64Array.from({ length: COUNT }, () => random.gaussian())
  const mean = (of: (x: number) => number) => numbers.reduce((sum, x) => sum + of(x), 0) / COUNT

  // Four standard errors of each moment: 1, sqrt 2, sqrt 15 and sqrt 96, over the root of the count.
  it.each([
    ['mean', 1, 0, 1],
    ['variance', 2, 1, Math.sqrt(2)],
    ['third moment', 3, 0, Math.sqrt(15)],
    ['fourth moment', 4, 3, Math.sqrt(96)],
  ])('%s', (_, power, expected, error) => {
    expect(Math.abs(mean((x) => x ** power) - expected)).toBeLessThan((4 * error) / Math.sqrt(COUNT))
  })

  // P(|X| > t) of the standard normal distribution.
  it.each([
    [1, 0.3173105],
    [2, 0.0455003],
    [3, 0.0026998],
    [4, 0.0000633],
  ])('tail beyond %d', (t, expected) => {
    const share = mean((x) => (Math.abs(x) > t ? 1 : 0))
    expect(Math.abs(share - expected)).toBeLessThan(4 * Math.sqrt(expected / COUNT))
  })

  it('one does not tell of the next, nor of the one after that', () => {
    for (const lag of [1, 2]) {
      let sum = 0
      for (let i = lag; i < COUNT; i++) sum += numbers[i]! * numbers[i - lag]!
      expect(Math.abs(sum / COUNT)).toBeLessThan(4 / Math.sqrt(COUNT))
    }
  })
})

describe('uniform numbers', () => {
  it('lie in [0, 1), evenly', () => {
    const random = seededRandom(3, 'test')
    const bins = new Uint32Array(16)
    for (let i = 0; i < 160_000; i++) bins[Math.floor(random.uniform() * 16)]!++
    const chi = bins.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0)
    // 15 degrees of freedom: beyond 37.7 in one of a thousand.
    expect(chi).toBeLessThan(37.7)
  })
})

describe('where numbers come from', () => {
  it('a seed and a path give the same numbers each time, other paths and seeds others', () => {
    const of = (seed: number, ...path: number[]) => [...seededRandom(seed, ...path).bytes(16)]
    expect(of(1, 2)).toEqual(of(1, 2))
    expect(of(1, 2)).not.toEqual(of(1, 3))
    expect(of(1, 2)).not.toEqual(of(2, 2))
    const numbers = seededRandom(1)
    expect([numbers.uint32(), numbers.uint32()]).toEqual([...new Uint32Array(seededRandom(1).bytes(8).buffer)])
  })

  it('the system, unless a test seed is given', () => {
    expect(systemRandom().bytes(16)).not.toEqual(systemRandom().bytes(16))
    expect(randomFor(undefined, 'noise').bytes(16)).not.toEqual(randomFor(undefined, 'noise').bytes(16))
    expect(randomFor(5, 'noise').bytes(16)).toEqual(seededRandom(5, 'noise').bytes(16))
  })
})
