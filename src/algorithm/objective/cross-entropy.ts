import { z } from 'zod'
import type { ObjectivePart } from './objective.ts'

/** F_k(w): the mean cross-entropy of the owner's images. */
export const crossEntropy = {
  summary: "the loss of the owner's own images, and nothing else",
  source: 'Lee 2021, section III; McMahan et al. 2017 (arXiv:1602.05629), algorithm 1',
  options: z.strictObject({}),
  make: () => ({ hooks: () => undefined }),
} satisfies ObjectivePart
