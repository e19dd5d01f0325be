import { z } from 'zod'
import type { ObjectivePart } from './objective.ts'

/** Cross-entropy against (1 - epsilon) of the image's class and epsilon / classes of every class. */
export const labelSmoothing = {
  summary: 'targets are a little of every class, so that no logit grows without bound',
  source: 'Szegedy et al. 2016 (arXiv:1512.00567), section 7',
  options: z.strictObject({
    epsilon: z.number().gt(0).lt(1).default(0.1).describe('share that goes to all classes alike'),
  }),
  make: ({ epsilon }) => ({ hooks: () => ({ targets: { smoothing: epsilon } }) }),
} satisfies ObjectivePart<{ epsilon: number }>
