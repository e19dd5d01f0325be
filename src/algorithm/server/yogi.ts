import { z } from 'zod'
import { adaptive, adaptiveOptions, beta2 } from './adaptive.ts'
import type { ServerStep } from './server-step.ts'

/** v ← v - (1 - beta2) · Δ² · sign(v - Δ²): it goes to Δ² by a share of Δ², where adam goes by a share of the difference. */
export const yogi = {
  summary: 'adam whose size shrinks slowly: a round with small changes does not make the next steps large',
  source: 'Reddi et al. 2021, arXiv:2003.00295, algorithm 2 (FedYogi)',
  options: z.strictObject(adaptiveOptions({ lr: 0.01, beta1: 0.9 }, { beta2 })),
  ...adaptive(
    ({ beta2 }) =>
      (v, square) =>
        v - (1 - beta2) * square * Math.sign(v - square),
  ),
} satisfies ServerStep<{ lr: number; beta1: number; beta2: number; tau: number; v0: number }>
