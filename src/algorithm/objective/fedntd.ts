import { z } from 'zod'
import type { ObjectivePart } from './objective.ts'

/**
 * F_k + beta KL(q ‖ p) over the classes that are not an image's own, where q is what the received model gives to them and
 * p what the owner's model does: it keeps what it was told of other classes. The temperature is 1.
 */
export const fedntd = {
  summary: "classes other than the image's own are as the received model has them; a forward pass more a step",
  source: 'Lee et al. 2022 (arXiv:2106.03097) (FedNTD), with tau 1',
  options: z.strictObject({
    beta: z.number().gt(0).default(1).describe('for how much the received model counts'),
  }),
  make: ({ beta }) => ({ hooks: ({ received }) => ({ teacher: { weights: received, beta } }) }),
} satisfies ObjectivePart<{ beta: number }>
