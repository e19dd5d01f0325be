import { z } from 'zod'

/** What a file for `fedunify batch` may hold besides the keys of an experiment. */
export const BatchSchema = z.object({
  matrix: z
    .record(z.string(), z.array(z.unknown()).min(1))
    .optional()
    .describe('for fedunify batch: one run for every combination of these values')
    .meta({ examples: [{ init: ['shared', 'independent'] }] }),
  seeds: z
    .int()
    .min(1)
    .optional()
    .describe('for fedunify batch: each run with so many seeds, from seed on')
    .meta({ examples: [3] }),
})

export const BATCH_KEYS: readonly string[] = Object.keys(BatchSchema.shape)
