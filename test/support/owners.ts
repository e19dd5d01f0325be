import type { OwnerWeights } from '../../src/algorithm/merge/rule.ts'

/** Owners 1, 2, … with one row of values each in a tensor `w`, and as many training images as `images` says; owner i went i steps. */
export const owners = (
  rows: readonly (readonly number[] | Float32Array)[],
  images?: readonly number[],
): OwnerWeights[] =>
  rows.map((row, i) => ({
    owner: i + 1,
    trainImages: images?.[i] ?? 1,
    steps: i + 1,
    weights: new Map([['w', { shape: [row.length], data: Float32Array.from(row) }]]),
  }))
