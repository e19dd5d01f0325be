import { z } from 'zod'
import type { Explained } from './explain-run.ts'

/** What was explained, as it is written (docs/formats.md). */
export function plainExplained({ round, losses, confused, opposition, line, advice }: Explained): object {
  const { unified, limited, refitted, onMap = null, pooled = null } = losses
  return {
    round,
    accuracy: { unified, among_own_classes: limited, fitted_head: refitted, fitted_head_on_map: onMap, pooled },
    confused: {
      errors: confused.errors,
      errors_apart: confused.apart,
      pairs_in_all: confused.pairsInAll,
      pairs_apart: confused.pairsApart,
      pairs: confused.pairs.map(({ classes, errors, owners, apart }) => ({ classes, errors, owners, apart })),
    },
    opposition: opposition ?? null,
    line: line ?? null,
    advice,
  }
}

const count = z.int().min(0)
const fraction = z.number().min(0).max(1)
const maybe = fraction.nullable().transform((value) => value ?? undefined)
const owners = z.array(count)
/** JSON has no number for what is not finite. */
const loss = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN)

const Plain = z.object({
  round: z.int().min(1),
  accuracy: z.object({
    unified: fraction,
    among_own_classes: fraction,
    fitted_head: fraction,
    fitted_head_on_map: maybe,
    pooled: maybe,
  }),
  confused: z.object({
    errors: count,
    errors_apart: count,
    pairs_in_all: count,
    pairs_apart: count,
    pairs: z.array(
      z.object({
        classes: z.tuple([count, count]),
        errors: count,
        owners: z.tuple([owners, owners]),
        apart: z.boolean(),
      }),
    ),
  }),
  opposition: z
    .object({
      layers: z.array(z.object({ layer: z.string(), cosine: z.number(), cancelled: z.number(), kept: z.number() })),
      step: z.number(),
    })
    .nullable(),
  line: z
    .object({
      owners: z.tuple([count, count]),
      points: z.array(z.object({ share: fraction, accuracy: fraction, loss })),
    })
    .nullable(),
  advice: z.array(z.string()),
})

/** Reads what `plainExplained` makes. */
export const EXPLAINED = Plain.transform(({ round, accuracy, confused, opposition, line, advice }): Explained => {
  return {
    round,
    losses: {
      unified: accuracy.unified,
      limited: accuracy.among_own_classes,
      refitted: accuracy.fitted_head,
      onMap: accuracy.fitted_head_on_map,
      pooled: accuracy.pooled,
    },
    confused: {
      pairs: confused.pairs,
      errors: confused.errors,
      apart: confused.errors_apart,
      pairsInAll: confused.pairs_in_all,
      pairsApart: confused.pairs_apart,
    },
    opposition: opposition ?? undefined,
    line: line ?? undefined,
    advice,
  }
})
