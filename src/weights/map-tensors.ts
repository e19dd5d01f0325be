import type { Weights } from './weights.ts'

/** Weights of the same names and shapes, with other values. */
export const mapTensors = (weights: Weights, make: (data: Float32Array, name: string) => Float32Array): Weights =>
  new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: make(data, name) }]))

/** A number where weights are kept. */
export const numberAsWeights = (value: number): Weights =>
  new Map([['value', { shape: [], data: Float32Array.of(value) }]])

export const weightsAsNumber = (weights: Weights): number => weights.get('value')!.data[0]!
