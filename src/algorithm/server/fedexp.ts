import { z } from 'zod'
import type { ServerStep } from './server-step.ts'
import { beyond } from './sgd.ts'

/**
 * With Δ_i the way of owner i from x, and Δ that of the merged model: x ← x + η · Δ,
 * η = max(1, Σ ‖Δ_i‖² / (2 N (‖Δ‖² + epsilon))). The norms are over the whole model. A large η says that the owners
 * went different ways, and their mean hardly any.
 */
export const fedexp = {
  summary: 'a longer step, the more the owners went different ways',
  source: 'Jhunjhunwala et al. 2023, arXiv:2301.09604, algorithm 1 (FedExP)',
  options: z.strictObject({
    epsilon: z.number().gt(0).default(0.001).describe('added to the squared length of the mean change'),
  }),
  slots: () => ({}),
  size:
    ({ epsilon }) =>
    ({ meanSquare, ofMerged }) =>
      Math.max(1, meanSquare / (2 * (ofMerged + epsilon))),
  make: () => (x, merged, _, out, size) => beyond(x, merged, size, out),
} satisfies ServerStep<{ epsilon: number }>
