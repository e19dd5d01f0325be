import { z } from 'zod'

/** What a file for `fedunify batch` may hold besides the keys of an experiment. */
export const BatchSchema = z.object({
  matrix: z
    .record(z.string(), z.array(z.unknown()).min(1))
    .optional()
    .describe('for fedunify batch: one run for every combination of these values')
    .meta({ examples: [{ init: ['shared', 'independent'] }] }),
  variants: z
    .record(z.string(), z.record(z.string(), z.unknown()))
    .refine((variants) => Object.keys(variants).length > 0, 'expected at least one')
    .optional()
    .describe('for fedunify batch: one run for every set of settings, by its name')
    .meta({ examples: [{ plain: {}, proximal: { objective: 'fedprox', lr: 0.05 } }] }),
  seeds: z
    .int()
    .min(1)
    .optional()
    .describe('for fedunify batch: each run with so many seeds, from seed on')
    .meta({ examples: [3] }),
})

/** The key that chooses among the variants, as one of a matrix does. */
export const VARIANT = 'variant'

export const BATCH_KEYS: readonly string[] = Object.keys(BatchSchema.shape)
