import { z } from 'zod'
import type { PacePart } from './pace.ts'

/**
 * x ← x + lr / K · Σ Δ_i / √(1 + τ_i), at every K-th arrival: Δ_i is the way from the model that owner i started from, and
 * τ_i how many versions old that is. It is divided by K, not by the sum of the factors.
 */
export const fedbuff = {
  summary: 'every few arrivals make a step, the less of each the older what it came from is',
  source: 'Nguyen et al. 2022 (arXiv:2106.06639), algorithm 1 (FedBuff)',
  options: z.strictObject({
    size: z.int().min(1).default(2).describe('arrivals that make a step; the paper has 10 of many owners'),
    lr: z.number().gt(0).default(1).describe("the server's learning rate"),
  }),
  make: ({ size, lr }) => {
    const factor = (age: number) => 1 / Math.sqrt(1 + age)
    return {
      buffer: size,
      keepsLast: false,
      weight: (age) => (lr * factor(age)) / size,
      step(tensor, { model }, arrivals, out) {
        const x = model.get(tensor)!.data
        for (let i = 0; i < out.length; i++) {
          let sum = 0
          for (const { trained, base, staleness } of arrivals) {
            sum += (trained.get(tensor)!.data[i]! - base.get(tensor)!.data[i]!) * factor(staleness)
          }
          out[i] = x[i]! + (lr * sum) / size
        }
      },
    }
  },
} satisfies PacePart<{ size: number; lr: number }>
