import { z } from 'zod'

const size = z.int().min(1).max(65_536)

/** One layer of a model, as an experiment file writes it. Convolutions have stride 1; pools do not overlap. */
export const LayerSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('conv2d'),
    filters: size,
    kernel: z.int().min(1).max(31),
    padding: z.enum(['same', 'valid']).default('same'),
  }),
  z.strictObject({ type: z.literal('relu') }),
  z.strictObject({ type: z.literal('maxpool2d'), size: z.int().min(2).max(8).default(2) }),
  z.strictObject({ type: z.literal('flatten') }),
  z.strictObject({ type: z.literal('dense'), units: size }),
  z.strictObject({ type: z.literal('dropout'), rate: z.number().min(0).lt(1) }),
  // The last layer of a model: it has a logit for each class. See etf.ts.
  z.strictObject({
    type: z.literal('etf'),
    scale: z.number().gt(0).max(1e6).default(10),
    learn: z.boolean().default(true),
  }),
])

export type Layer = z.infer<typeof LayerSchema>
