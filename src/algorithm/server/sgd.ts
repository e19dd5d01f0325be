import { z } from 'zod'
import type { ServerStep } from './server-step.ts'

/** x ← merged + (lr - 1) · (merged - x), which is x + lr · (merged - x), and `merged` to the bit at lr 1. */
export const sgd = {
  summary: 'a step of another length in the direction of the merged model',
  source: 'Reddi et al. 2021, arXiv:2003.00295, algorithm 1 with SGD at the server',
  options: z.strictObject({
    lr: z.number().gt(0).default(1).describe("the server's learning rate: below 1 it stops short of the merged model"),
  }),
  slots: () => ({}),
  make:
    ({ lr }) =>
    (x, merged, _, out) =>
      beyond(x, merged, lr, out),
} satisfies ServerStep<{ lr: number }>

/** A step of `size` times the way from x to `merged`, which is that model to the bit at 1. */
export function beyond(x: Float32Array, merged: Float32Array, size: number, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = merged[i]! + (size - 1) * (merged[i]! - x[i]!)
}
