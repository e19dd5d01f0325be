import type { Weights } from './weights.ts'

/** Weights of the same names and shapes, with other values. */
export const mapTensors = (weights: Weights, make: (data: Float32Array, name: string) => Float32Array): Weights =>
  new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: make(data, name) }]))
