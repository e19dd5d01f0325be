import { z } from 'zod'
import type { OwnerFacts } from '../rule.ts'

/** An option of rules whose paper weighs owners by their images, and of others for which that makes sense. */
export const ownerWeights = (otherwise: 'equal' | 'images' = 'equal') =>
  z
    .enum(['equal', 'images'])
    .default(otherwise)
    .describe('for how much an owner counts: all the same, or by its images')

export type OwnerWeighting = z.output<ReturnType<typeof ownerWeights>>

/** For how much each owner counts. */
export const factorsOf = (weights: OwnerWeighting, owners: readonly OwnerFacts[]): number[] =>
  owners.map(({ trainImages }) => (weights === 'images' ? trainImages : 1))
