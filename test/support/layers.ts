import type { Layer } from '../../src/model/layers.ts'

export const conv = (filters: number, kernel = 3, padding: 'same' | 'valid' = 'same'): Layer => ({
  type: 'conv2d',
  filters,
  kernel,
  padding,
})
export const relu: Layer = { type: 'relu' }
export const pool = (size: number): Layer => ({ type: 'maxpool2d', size })
export const flatten: Layer = { type: 'flatten' }
export const dense = (units: number): Layer => ({ type: 'dense', units })
export const etf = (scale = 10, learn = true): Layer => ({ type: 'etf', scale, learn })
export const dropout = (rate: number): Layer => ({ type: 'dropout', rate })
