import { z } from 'zod'
import type { ObjectivePart } from './objective.ts'

/** F_k(w) + mu/2 ‖w - w_t‖², w_t being the model that the owner received: it is drawn back to what all had in common. */
export const fedprox = {
  summary: 'the loss, and a pull back to the model that was received',
  source: 'Li et al. 2020 (arXiv:1812.06127), eq. 2',
  options: z.strictObject({
    // With 0 it would be cross-entropy by another name.
    mu: z
      .number()
      .gt(0)
      .default(0.01)
      .describe('strength of the pull; the paper tries 0.001, 0.01, 0.1 and 1')
      .meta({ short: 'mu' }),
  }),
  make: ({ mu }) => ({ hooks: ({ received }) => ({ gradient: { proximal: { mu, anchor: received } } }) }),
} satisfies ObjectivePart<{ mu: number }>
