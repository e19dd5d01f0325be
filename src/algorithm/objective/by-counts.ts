import { z } from 'zod'
import type { Objective } from './objective.ts'

/** What objectives have in common that shift the logits by the owner's counts of classes. */
export const countOptions = (tau: string) => ({
  tau: z.number().gt(0).default(1).describe(tau),
  least: z
    .number()
    .gt(0)
    .default(1)
    .describe('images that a class counts for at the least; near 0, an owner leaves out the classes that it lacks'),
})

/** Cross-entropy of the logits z_c + tau · by(n_c), with `least` in the place of a smaller n_c. */
export const shiftedBy =
  (by: (count: number) => number) =>
  ({ tau, least }: { readonly tau: number; readonly least: number }): Objective => ({
    hooks: ({ labels }) => ({
      logits: { shift: Float32Array.from(labels, (count) => tau * by(Math.max(count, least))) },
    }),
  })
