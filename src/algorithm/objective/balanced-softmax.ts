import { z } from 'zod'
import { countOptions, shiftedBy } from './by-counts.ts'
import type { ObjectivePart } from './objective.ts'

/**
 * Cross-entropy of the logits z_c + tau · log n_c, with n_c images of class c at the owner. A class without images counts
 * as `least` of them.
 */
export const balancedSoftmax = {
  summary: "logits are shifted by the owner's share of each class in training: the model favours none",
  source: 'Ren et al. 2020 (arXiv:2007.10740); with tau, Menon et al. 2021 (arXiv:2007.07314), logit adjustment',
  options: z.strictObject(countOptions('strength of the shift')),
  make: shiftedBy(Math.log),
} satisfies ObjectivePart<{ tau: number; least: number }>
