import { z } from 'zod'
import type { ServerStep } from './server-step.ts'

/**
 * With Δ = merged - x: m ← beta1 · m + (1 - beta1) · Δ, v ← beta2 · v + (1 - beta2) · Δ²,
 * x ← x + lr · m / (√v + tau). There is no bias correction; m is 0 and v is v0 before the first round.
 */
export const adam = {
  summary: 'each weight goes by the mean of its changes, in units of their size',
  source: 'Reddi et al. 2021, arXiv:2003.00295, algorithm 2 (FedAdam)',
  options: z.strictObject({
    lr: z.number().gt(0).default(0.01).describe("the server's learning rate, in units of a weight"),
    beta1: z.number().min(0).lt(1).default(0.9).describe('share of the mean of changes that is kept'),
    beta2: z.number().min(0).lt(1).default(0.99).describe('share of the mean of their squares that is kept'),
    tau: z.number().gt(0).default(0.001).describe('added to the size: the larger, the less adaptive'),
    v0: z.number().min(0).default(0).describe('the mean of squares at first; the paper asks for tau² or more'),
  }),
  slots: ({ v0 }) => ({ m: 0, v: v0 }),
  make:
    ({ lr, beta1, beta2, tau }) =>
    (x, merged, { m, v }, out) => {
      for (let i = 0; i < out.length; i++) {
        const change = merged[i]! - x[i]!
        m![i] = beta1 * m![i]! + (1 - beta1) * change
        v![i] = beta2 * v![i]! + (1 - beta2) * change ** 2
        out[i] = x[i]! + (lr * m![i]!) / (Math.sqrt(v![i]!) + tau)
      }
    },
} satisfies ServerStep<{ lr: number; beta1: number; beta2: number; tau: number; v0: number }>
