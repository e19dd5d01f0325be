import { z } from 'zod'
import { MERGE_NAMES } from '../../algorithm/merge/registry.ts'
import { OBJECTIVES } from '../../algorithm/objective/registry.ts'
import { SERVER_STEPS } from '../../algorithm/server/registry.ts'
import type { FileKind } from '../../config/config-format.ts'
import { items } from '../../config/parts/choice.ts'
import { badName, fileIn } from '../../config/parts/own-name.ts'
import { LayerSchema } from '../../model/layers.ts'

export const LAYER_TYPES = LayerSchema.options.map(({ shape }) => shape.type.value)

/** A policy as a file, for messages. Its format is raised when an older reader would allow what it should not. */
export const POLICY_FILE: FileKind = { one: 'a policy', name: 'policy', format: 1, example: 'policy.yaml' }

/** A list of names; one may stand without the list. */
const list = <T extends z.ZodType>(name: T) => z.preprocess((value) => items(value) ?? value, z.array(name).min(1))

const names = (parts: object) => list(z.enum(Object.keys(parts)))

const count = z.int().min(1)

/** A rule of the registry by its name, any other by its file: so a slip is not taken for a rule of somebody's own. */
const mergeName = z.string().superRefine((name, ctx) => {
  const file = fileIn(name)
  const own = file && file.rest === '' && badName(file.file) === undefined
  if (own || MERGE_NAMES.some((known) => known === name)) return
  ctx.addIssue({ code: 'invalid_value', values: [...MERGE_NAMES, 'FILE.mjs'], input: name })
})

/** What an experiment may ask of an owner. What is left out is not limited, but for what must be said: statistics. */
export const PolicySchema = z.strictObject({
  allow: z
    .strictObject({
      layers: list(z.enum(LAYER_TYPES)).optional().describe('types of layers that a model may have'),
      merge: list(mergeName).optional().describe("merge rules, those of the experiment's own by their file"),
      server: names(SERVER_STEPS).optional().describe('server steps'),
      objective: names(OBJECTIVES).optional().describe('what this owner minimises'),
    })
    .prefault({})
    .describe('names that may be asked for; left out: any'),
  most: z
    .strictObject({
      parameters: count.optional().describe('parameters of a model'),
      rounds: count.optional().describe('rounds of an experiment'),
      'local-epochs': count.optional().describe('epochs that this owner trains in a round'),
      'seconds-per-round': z.number().gt(0).optional().describe('seconds that this owner trains in a round'),
    })
    .prefault({})
    .describe('numbers that may be asked for at most; left out: any'),
  share: z
    .strictObject({
      metrics: z
        .boolean()
        .default(true)
        .describe('accuracies and losses, of training too, and how many images there are to test on'),
      weights: z
        .boolean()
        .default(true)
        .describe('its weights by themselves; false: only under masks, so that the server learns a sum of owners'),
      labels: z.boolean().default(true).describe('how many images of each class, confusion matrices included'),
      statistics: z
        .boolean()
        .default(false)
        .describe('sums of the features of its images, for a head; they tell how many images of each class too'),
    })
    .prefault({})
    .describe('what is sent: the weights by themselves, and what goes with them'),
})

/** What an owner lets an experiment ask of it, and what it tells beside its weights. */
export type Policy = z.output<typeof PolicySchema>

/**
 * The policy of an owner that has no file: everything is allowed and shared, as a trial needs it, but for sums of its
 * images' features, which no owner sends because it has said nothing. Images leave an owner under no policy.
 */
export const OPEN_POLICY: Policy = PolicySchema.parse({})
