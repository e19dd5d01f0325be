import { z } from 'zod'
import { countOptions, shiftedBy } from './by-counts.ts'
import type { ObjectivePart } from './objective.ts'

/**
 * Cross-entropy of the logits z_c - tau · n_c^(-1/4), with n_c images of class c at the owner. The sum of the softmax is
 * over all classes; that of the paper leaves out the true one, and has no value at an owner with one class. A class
 * without images, for which the paper's shift is infinite, counts as `least` images.
 */
export const fedlc = {
  summary: 'logits are calibrated in training: rare classes of an owner get a margin',
  source: 'Zhang et al. 2022 (arXiv:2209.00189) (FedLC), as a softmax over all classes',
  options: z.strictObject(countOptions('strength of the margin')),
  make: shiftedBy((count) => -(count ** -0.25)),
} satisfies ObjectivePart<{ tau: number; least: number }>
