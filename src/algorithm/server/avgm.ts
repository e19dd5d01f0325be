import { z } from 'zod'
import type { ServerStep } from './server-step.ts'

/** v ← momentum · v + (x - merged), x ← x - lr · v; v is 0 before the first round. */
export const avgm = {
  summary: 'momentum over rounds: a step goes on in the direction of those before it',
  source: 'Hsu et al. 2019, arXiv:1909.06335, section 4.3 (FedAvgM)',
  options: z.strictObject({
    momentum: z.number().min(0).lt(1).default(0.9).describe('share of the last step that is kept'),
    lr: z.number().gt(0).default(1).describe("the server's learning rate"),
  }),
  slots: () => ({ v: 0 }),
  make:
    ({ momentum, lr }) =>
    (x, merged, { v }, out) => {
      for (let i = 0; i < out.length; i++) {
        v![i] = momentum * v![i]! + (x[i]! - merged[i]!)
        out[i] = x[i]! - lr * v![i]!
      }
    },
} satisfies ServerStep<{ momentum: number; lr: number }>
