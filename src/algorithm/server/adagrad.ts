import { z } from 'zod'
import { adaptive, adaptiveOptions } from './adaptive.ts'
import type { ServerStep } from './server-step.ts'

/** v ← v + Δ². */
export const adagrad = {
  summary: 'each weight goes by its change, in units of all its changes so far: steps shrink over the rounds',
  source: 'Reddi et al. 2021, arXiv:2003.00295, algorithm 2 (FedAdagrad)',
  options: z.strictObject(adaptiveOptions({ lr: 0.1, beta1: 0 })),
  ...adaptive(() => (v, square) => v + square),
} satisfies ServerStep<{ lr: number; beta1: number; tau: number; v0: number }>
