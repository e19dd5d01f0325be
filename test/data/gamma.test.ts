import { describe, expect, it } from 'vitest'
import { dirichletDraw, logGamma } from '../../src/data/partition/gamma.ts'
import { stream } from '../../src/random.ts'

const DRAWS = 20_000

describe('logGamma', () => {
  it.each([0.05, 0.3, 1, 2.5, 40])('has mean and variance %d', (shape) => {
    const random = stream(1, 'partition')
    const draws = Array.from({ length: DRAWS }, () => Math.exp(logGamma(shape, random)))
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / DRAWS
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / DRAWS
    // Four standard errors: the variance of a gamma is its shape, its fourth central moment 3 shape^2 + 6 shape.
    expect(Math.abs(mean - shape)).toBeLessThan(4 * Math.sqrt(shape / DRAWS))
    expect(Math.abs(variance - shape)).toBeLessThan(4 * Math.sqrt((2 * shape ** 2 + 6 * shape) / DRAWS))
  })

  it('has the mean logarithm of a gamma', () => {
    const random = stream(1, 'partition')
    const mean = (shape: number) => {
      return Array.from({ length: DRAWS }, () => logGamma(shape, random)).reduce((sum, x) => sum + x, 0) / DRAWS
    }
    // The digamma function: -Euler's constant at 1, and that - 1 / x at x → 0.
    expect(mean(1)).toBeCloseTo(-0.5772, 1)
    expect(mean(1e-4) / 1e4).toBeCloseTo(-1, 1)
  })
})

describe('dirichletDraw', () => {
  it('has the mean and the variance of a Dirichlet', () => {
    const random = stream(2, 'partition')
    const draws = Array.from({ length: DRAWS }, () => dirichletDraw(4, 0.5, random)[0]!)
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / DRAWS
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / DRAWS
    expect(mean).toBeCloseTo(1 / 4, 2)
    expect(variance).toBeCloseTo((0.25 * 0.75) / (4 * 0.5 + 1), 2)
  })

  it.each([5e-324, 1e-300, 1e-3, 1, 1e308])('adds up to 1 for alpha %d', (alpha) => {
    const draw = dirichletDraw(5, alpha, stream(3, 'partition'))
    expect(draw.reduce((sum, part) => sum + part, 0)).toBeCloseTo(1, 12)
    expect(draw.every((part) => part >= 0 && part <= 1)).toBe(true)
  })
})
