import type { Weights } from './weights.ts'

const NAME = 'value'

/** A single number, in float32, where weights are kept. */
export const numberAsWeights = (value: number): Weights =>
  new Map([[NAME, { shape: [], data: Float32Array.of(value) }]])

export const weightsAsNumber = (weights: Weights): number => weights.get(NAME)!.data[0]!

export const isNumber = (weights: Weights): boolean => weights.size === 1 && weights.get(NAME)?.shape.length === 0
