import { expect } from 'vitest'
import type { Parameters } from './float64-network.ts'
import { noise, norm, relativeError } from './numbers.ts'

/** Step of the central differences. In double precision their error is about 1e-10; kinks nearer than this are rare. */
const H = 1e-6

/** How steeply `loss` rises at `parameters` if one of them moves along `direction`. */
export function slope(
  loss: (parameters: Parameters) => number,
  parameters: Parameters,
  name: string,
  direction: (i: number) => number,
): number {
  const values = parameters.get(name)!
  const lossAt = (distance: number) =>
    loss(
      new Map(parameters).set(
        name,
        values.map((value, i) => value + distance * direction(i)),
      ),
    )
  return (lossAt(H) - lossAt(-H)) / (2 * H)
}

/** The slopes of `loss` along each value of a parameter. */
export const slopes = (loss: (parameters: Parameters) => number, parameters: Parameters, name: string): Float64Array =>
  Float64Array.from(parameters.get(name)!, (_, at) => slope(loss, parameters, name, (i) => +(i === at)))

/**
 * Every gradient against central differences: for each weight of a small tensor, along three random directions for a
 * large one. The slope along a direction of independent ±1 components has the standard deviation ‖gradient‖, so a
 * relative error shows in that measure.
 */
export function expectFiniteDifferences(
  gradients: ReadonlyMap<string, Float32Array>,
  loss: (parameters: Parameters) => number,
  parameters: Parameters,
  tolerance: number,
): void {
  for (const [name, { length }] of parameters) {
    const gradient = gradients.get(name)!
    if (length <= 100) {
      const error = relativeError(gradient, slopes(loss, parameters, name))
      expect(error, `${name} against finite differences`).toBeLessThan(tolerance)
      continue
    }
    for (const seed of [1, 2, 3]) {
      const direction = noise(length, seed).map(Math.sign)
      const expected = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0)
      const error = Math.abs(slope(loss, parameters, name, (i) => direction[i]!) - expected) / norm(gradient)
      expect(error, `${name}, direction ${seed}`).toBeLessThan(tolerance)
    }
  }
}
