import { z } from 'zod'
import { type JsonSchema, toJsonSchema } from '../config/json-schema.ts'
import { ERRORS } from '../errors.ts'
import { EVENT_FORMAT } from './plain-event.ts'

/** Codes may be added within a format. */
const code = z.enum(Object.keys(ERRORS)).describe('docs/errors.md')
const kind = z.enum([...new Set(Object.values(ERRORS).map((error) => error.kind))])

const count = z.int().min(0)
const owner = z.int().min(1).describe('number of an owner')
const ownerOrPooled = count.describe('number of an owner; 0 is the pooled baseline')
const round = z.int().min(1)
const seconds = z.number().min(0)

const Evaluation = z
  .strictObject({
    images: count.describe('test images'),
    correct: count.describe('of these, classified correctly'),
    loss_sum: z.number().describe('cross-entropy in nats, summed over the images'),
    confusion: z.array(count).describe('images by true class, then predicted class, row by row'),
  })
  .meta({ id: 'evaluation' })

const folder = z.string().optional().describe('that of the run; on stdout alone')

const Trained = z
  .strictObject({
    type: z.literal('owner-trained'),
    round,
    owner: ownerOrPooled,
    epochs: count,
    images: count.describe('trained on, epochs counted each'),
    train_images: count.describe('in the shard'),
    loss: z.number().optional().describe('of training, mean cross-entropy in nats; left out if the owner shares none'),
    local: Evaluation.optional().describe('the local model on its own test images; left out if the owner shares none'),
    copied: Evaluation.optional().describe('the model that was received, before training, on the same images'),
    seconds,
  })
  .meta({ id: 'owner-trained' })

const Noise = z.strictObject({
  level: z.enum(['owner', 'record']),
  noise: z.number().describe('standard deviation in units of the clipping norm'),
  delta: z.number(),
})

const written = {
  format: z.literal(EVENT_FORMAT).describe('of all events of the process that wrote this one'),
  fedunify: z.string().describe('version that wrote it'),
}

/** An event as events.jsonl and `run --json` have it, one JSON object a line (docs/formats.md). */
export const EventSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('started'),
    ...written,
    owners: z.array(owner),
    participants: count.optional().describe('owners that are drawn to train in each round, if not all do'),
    rounds: count.describe('to run'),
    done: count.describe('rounds that earlier processes have done'),
    merges: z.array(z.string()).describe('merge rules; the first drives the run'),
    baseline: z.boolean().describe('whether a model is trained on the pooled shards too'),
    privacy: Noise.extend({ budget: z.number().optional().describe('the epsilon that the run stays within') })
      .optional()
      .describe('the noise of all rounds, if there is any'),
    without_metrics: z.array(owner).optional().describe('owners that share no metrics, if there are any'),
    folder,
  }),
  z.strictObject({
    type: z.literal('owner-progress'),
    round,
    owner: ownerOrPooled,
    epoch: count,
    epochs: count,
    images: count.describe('trained on in this epoch'),
    total: count,
    loss: z.number().optional().describe('mean over the last images'),
  }),
  Trained,
  z.strictObject({
    type: z.literal('round-finished'),
    round,
    lr: z.number(),
    locals: z.array(Trained),
    absent: z.array(owner).optional().describe('owners that were to train and did not, if that was allowed'),
    merges: z.array(
      z.strictObject({
        merge: z.string(),
        unified: Evaluation.optional().describe('left out if no owner shares its metrics'),
        evaluated_by: count.describe('owners on whose test images that is'),
      }),
    ),
    drift: z.record(z.string(), z.number()).describe("by tensor: how far the owners' weights lie apart"),
    step_size: z
      .number()
      .optional()
      .describe('how many times the way to the merged model the server step went, if it chooses that in each round'),
    privacy: Noise.extend({
      clip: z.number().describe('norm to which this round clipped'),
      epsilon: z.number().optional().describe('spent so far, at delta; left out without noise'),
    })
      .optional()
      .describe('what the noise up to this round has cost, if there is any'),
    arrivals: z
      .array(z.strictObject({ owner, time: z.number(), staleness: count, weight: z.number() }))
      .optional()
      .describe('in a run without waiting: what this version was made of, in the order of arrival'),
    traffic: z
      .array(z.strictObject({ owner, down: count, up: count }))
      .optional()
      .describe('bytes'),
    baseline: Trained.optional(),
    seconds: z.strictObject({ train: seconds, merge: seconds, evaluate: seconds }),
  }),
  z.strictObject({
    type: z.literal('finished'),
    rounds: count,
    reason: z.enum(['rounds', 'stop-at', 'stop-after', 'budget']),
    seconds,
    folder,
  }),
  z.strictObject({
    type: z.literal('failed'),
    ...written,
    code,
    kind,
    message: z.string(),
    hint: z.string().optional(),
    owner: ownerOrPooled.optional(),
    round: count.optional(),
    tensor: z.string().optional(),
  }),
])

/** The text of docs/events.schema.json. Fields may be added within a format, so it lets others through. */
export function eventSchemaText(): string {
  const schema = open(toJsonSchema(EventSchema)) as JsonSchema
  const { $schema, ...rest } = schema
  const title = 'fedunify event'
  const description = `A line of events.jsonl or of \`run --json\`, format ${EVENT_FORMAT}.`
  return `${JSON.stringify({ $schema, title, description, ...rest }, null, 2)}\n`
}

/** The same without what forbids further fields. */
function open(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(open)
  if (typeof schema !== 'object' || schema === null) return schema
  const entries = Object.entries(schema).filter(([key, value]) => key !== 'additionalProperties' || value !== false)
  return Object.fromEntries(entries.map(([key, value]) => [key, open(value)]))
}
