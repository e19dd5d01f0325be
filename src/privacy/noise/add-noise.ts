import type { Weights } from '../../weights/weights.ts'
import type { Randomness } from '../randomness.ts'

/** Adds independent Gaussian noise to every value, in place. @param deviation its standard deviation */
export function addNoise(weights: Weights, deviation: number, random: Randomness): void {
  if (deviation === 0) return
  for (const { data } of weights.values()) {
    for (let i = 0; i < data.length; i++) data[i]! += deviation * random.gaussian()
  }
}
