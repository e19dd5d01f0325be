import { z } from 'zod'
import type { ObjectivePart } from './objective.ts'

/** Cross-entropy of the logits z_c · alpha for classes c that the owner has no images of, and z_c for all others. */
export const fedrs = {
  summary: 'in training, logits of classes that the owner lacks are scaled down, so that it unlearns them less',
  source: 'Li and Zhan 2021 (KDD, doi:10.1145/3447548.3467254) (FedRS)',
  options: z.strictObject({
    alpha: z.number().min(0).lt(1).default(0.5).describe('factor of the logits of classes without images'),
  }),
  make: ({ alpha }) => ({
    hooks: ({ labels }) => ({ logits: { scale: Float32Array.from(labels, (count) => (count > 0 ? 1 : alpha)) } }),
  }),
} satisfies ObjectivePart<{ alpha: number }>
