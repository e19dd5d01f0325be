import { z } from 'zod'

const positive = z.number().gt(0)

/** How the server is kept from single updates. */
const masks = z.strictObject({
  threshold: z
    .int()
    .min(2)
    .optional()
    .describe('owners that must stay for a round to be unmasked; default: all of them'),
  range: positive.default(4).describe('largest change of a weight in a round that the fixed point holds'),
  'head-range': z
    .number()
    .min(1)
    .optional()
    .describe('with a head: largest mean square of a feature that its sums hold; default: 65536'),
})

/** A clipping norm that follows the updates (Andrew et al. 2021, arXiv:1905.03871). */
const adaptive = z.strictObject({
  quantile: z.number().gt(0).lt(1).default(0.5).describe('share of the updates that shall be within the norm'),
  start: positive.default(1).describe('norm of the first round'),
  rate: positive.default(0.2).describe('how fast it follows, for each round'),
})

/**
 * What keeps an owner's data from whom: masked sums, noise, or both. Without `level` there is no noise; with it either
 * the noise is given, or the epsilon that it is to be found for.
 */
export const PrivacySchema = z.strictObject({
  masks: masks.optional().describe('the server learns the sum of the updates and nothing else of one (masked sums)'),
  level: z
    .enum(['owner', 'record'])
    .optional()
    .describe('differential privacy of all that an owner has, or of each of its images'),
  clip: z
    .union([positive, z.strictObject({ adaptive })])
    .optional()
    .describe("largest L2 norm of an owner's update, or of an image's gradient; or { adaptive: { quantile: 0.5 } }"),
  noise: z.number().min(0).optional().describe('standard deviation of the noise, in units of the clipping norm'),
  'noise-by': z
    .enum(['server', 'owners'])
    .optional()
    .describe('who adds the noise of level owner: the server, or each owner its share of it (default: server)'),
  epsilon: positive.optional().describe('the run stays within this epsilon; without noise, the least noise that does'),
  delta: z.number().gt(0).lt(1).optional().describe('the delta at which epsilon is stated (default: 1e-5)'),
  'insecure-test-seed': z
    .int()
    .min(0)
    .optional()
    .describe('draws masks and noise from this seed, so that a test can repeat them: such a run protects nobody'),
})

export type Privacy = z.output<typeof PrivacySchema>
