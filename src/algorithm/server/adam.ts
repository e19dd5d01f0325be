import { z } from 'zod'
import { adaptive, adaptiveOptions, beta2 } from './adaptive.ts'
import type { ServerStep } from './server-step.ts'

/** v ← beta2 · v + (1 - beta2) · Δ². */
export const adam = {
  summary: 'each weight goes by the mean of its changes, in units of their size',
  source: 'Reddi et al. 2021, arXiv:2003.00295, algorithm 2 (FedAdam)',
  options: z.strictObject(adaptiveOptions({ lr: 0.01, beta1: 0.9 }, { beta2 })),
  ...adaptive(
    ({ beta2 }) =>
      (v, square) =>
        beta2 * v + (1 - beta2) * square,
  ),
} satisfies ServerStep<{ lr: number; beta1: number; beta2: number; tau: number; v0: number }>
