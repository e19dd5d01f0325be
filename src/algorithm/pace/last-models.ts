import { z } from 'zod'
import type { PacePart } from './pace.ts'

/**
 * x ← the mean of the last model of each owner, at each arrival. A fast owner replaces its own model and no other's, so
 * that it does not win if owners hold different classes.
 */
export const lastModels = {
  summary: 'at each arrival the mean of the last model of every owner: a fast owner does not win',
  source: 'Gu et al. 2021 (arXiv:2106.04159), whose memory of each device is of updates (MIFA); here of models',
  options: z.strictObject({}),
  make: () => ({
    buffer: 1,
    keepsLast: true,
    weight: () => 1,
    step(tensor, { lastOf }, _, out) {
      const all = [...lastOf.values()].map((weights) => weights.get(tensor)!.data)
      for (let i = 0; i < out.length; i++) {
        let sum = 0
        for (const values of all) sum += values[i]!
        out[i] = sum / all.length
      }
    },
  }),
} satisfies PacePart
