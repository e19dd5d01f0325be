import { z } from 'zod'
import type { ObjectivePart } from './objective.ts'

/**
 * F_k + beta KL(q ‖ p) over the classes that are not an image's own, where q is what the received model gives to them and
 * p what the owner's model does: it keeps what it was told of other classes. The temperature is 1.
 */
export const fedntd = {
  summary:
    "the received model is listened to on the classes that are not the image's own, for a forward pass more in each step",
  source: 'Lee et al. 2022 (arXiv:2106.03097) (FedNTD), with tau 1',
  options: z.strictObject({
    beta: z.number().gt(0).default(1).describe('for how much the received model counts'),
  }),
  make: ({ beta }) => ({ hooks: ({ received }) => ({ teacher: { weights: received, beta } }) }),
} satisfies ObjectivePart<{ beta: number }>
