import { z } from 'zod'
import { MASK_REPLIES, MASK_TASKS, MaskedTaskSchema } from './mask-wire.ts'

/** Raised when one side would misread the other. Written down in docs/protocol.md. */
export const PROTOCOL = 1

const count = z.int().min(0)
/** Images of an owner. */
const images = z.int().min(1).max(1e9)
/** A name that goes into a line or a table. */
const short = z.string().max(200)
const owner = z.int().min(1)
const text = z.string().max(10_000)
const hex256 = z.string().regex(/^[\da-f]{64}$/)
/** More than any dataset of labelled images here has: labels are bytes. */
const MOST_CLASSES = 1000
/** Parts of subjects, and names of folders: no dots, no wildcards. */
export const token = z.string().regex(/^[\w-]{1,80}$/)

/** Bytes that were put into the broker in chunks. */
export const PayloadSchema = z.strictObject({
  id: token,
  bytes: count,
  chunks: count,
  sha256: hex256,
  /** Of the values: float32 in a safetensors file, or numbers of a masked sum, little-endian. */
  dtype: z.enum(['float32', 'uint32', 'uint64']),
  /** Of numbers of a masked sum: sums are modulo this; null of float32. */
  modulus: z.literal([2 ** 32, 2 ** 64]).nullable(),
  /** Of these: levels in a unit. */
  scale: z.number().gt(0).nullable(),
})

const EvaluationSchema = z.strictObject({
  images: count,
  correct: count,
  loss_sum: z.number(),
  confusion: z.array(count),
})

/** What every message says of itself. */
const envelope = {
  format: z.literal(PROTOCOL),
  fedunify: text,
  federation: token,
  run: token,
  /** Whom it is for, or whom it is from. */
  owner,
  /** Of the task; a reply names the task that it answers. */
  task: token,
}

/** What a server asks of an owner. */
export const TaskSchema = z.discriminatedUnion('what', [
  z.strictObject({
    ...envelope,
    what: z.literal('invite'),
    /** The experiment, with every default filled in. */
    experiment: z.record(z.string(), z.unknown()),
    /** What the server wants to know beside weights. */
    asks: z.strictObject({ metrics: z.boolean(), labels: z.boolean() }),
    /** Rounds that are on the server's disk. */
    committed: count,
  }),
  z.strictObject({
    ...envelope,
    what: z.literal('train'),
    committed: count,
    round: z.int().min(1),
    attempt: count,
    lr: z.number(),
    /** The unified model; null if each owner begins with weights of its own. */
    model: PayloadSchema.nullable(),
    instruction: PayloadSchema.nullable(),
    /** Whether it evaluates its local model; false for an owner that shares no metrics. */
    evaluate: z.boolean(),
    evaluate_received: z.boolean(),
    /** In a round under masks. */
    masked: MaskedTaskSchema.optional(),
  }),
  z.strictObject({
    ...envelope,
    what: z.literal('evaluate'),
    committed: count,
    round: count,
    model: PayloadSchema,
    /** The last layer in place of the model's own, or null. */
    head: PayloadSchema.nullable(),
  }),
  z.strictObject({
    ...envelope,
    what: z.literal('summarise'),
    committed: count,
    round: z.int().min(1),
    attempt: count,
    model: PayloadSchema,
    /** Under masks, which are those of a sum of its own. */
    masked: MaskedTaskSchema.optional(),
  }),
  z.strictObject({ ...envelope, what: z.literal('end'), committed: count, reason: text }),
  z.strictObject({ ...envelope, what: z.literal('mask-before'), ...MASK_TASKS['mask-before'] }),
  z.strictObject({ ...envelope, what: z.literal('mask-join'), ...MASK_TASKS['mask-join'] }),
  z.strictObject({ ...envelope, what: z.literal('mask-share'), ...MASK_TASKS['mask-share'] }),
  z.strictObject({ ...envelope, what: z.literal('mask-sign'), ...MASK_TASKS['mask-sign'] }),
  z.strictObject({ ...envelope, what: z.literal('mask-open'), ...MASK_TASKS['mask-open'] }),
])

export type Task = z.output<typeof TaskSchema>
export type TaskOf<W extends Task['what']> = Extract<Task, { what: W }>

/** Metrics of an update; null in one of an owner that keeps them to itself. */
const MetricsSchema = z.strictObject({
  loss: z.number(),
  /** Null if the task asked for none. */
  local: EvaluationSchema.nullable(),
  received: EvaluationSchema.nullable(),
})

/** What an owner answers. */
export const ReplySchema = z.discriminatedUnion('what', [
  z.strictObject({
    ...envelope,
    what: z.literal('card'),
    /** Whether it shares accuracies and losses. If not, it is asked for none, and sends none. */
    metrics: z.boolean(),
    train_images: images,
    /** Null if it shares no metrics, and so are the images of each class to test on. */
    test_images: images.nullable(),
    /** Images of each class; null if it does not share them. */
    train_labels: z.array(count).max(MOST_CLASSES).nullable(),
    test_labels: z.array(count).max(MOST_CLASSES).nullable(),
    dataset: z.strictObject({
      name: short,
      shape: z.array(z.int().min(1).max(1e6)).min(1).max(4),
      elements: short,
      class_names: z.array(short).min(2).max(MOST_CLASSES),
      sha256: z
        .record(z.string().max(100), hex256)
        .refine((files) => Object.keys(files).length <= 16, 'too many files'),
    }),
    shard_sha256: hex256,
    engine: z.strictObject({ name: short, device: short, version: short }),
  }),
  z.strictObject({ ...envelope, what: z.literal('refused'), reasons: z.array(text).min(1).max(100) }),
  z.strictObject({
    ...envelope,
    what: z.literal('update'),
    round: z.int().min(1),
    attempt: count,
    train_images: count,
    epochs: count,
    /** Trained on, epochs counted each. */
    images: count,
    seconds: z.number().min(0),
    payload: PayloadSchema,
    metrics: MetricsSchema.nullable(),
    /** In a round under masks: which try the words are of (privacy/masks/masked-round.ts, idOf). */
    masked: hex256.optional(),
  }),
  z.strictObject({ ...envelope, what: z.literal('evaluation'), round: count, evaluation: EvaluationSchema.nullable() }),
  z.strictObject({
    ...envelope,
    what: z.literal('statistics'),
    round: z.int().min(1),
    attempt: count,
    /** That were summed over. */
    images,
    payload: PayloadSchema,
    /** Under masks: which try the words are of. */
    masked: hex256.optional(),
  }),
  z.strictObject({
    ...envelope,
    what: z.literal('failed'),
    code: text,
    message: text,
    hint: text.nullable(),
    round: count.nullable(),
    tensor: text.nullable(),
  }),
  z.strictObject({ ...envelope, what: z.literal('mask-before'), ...MASK_REPLIES['mask-before'] }),
  z.strictObject({ ...envelope, what: z.literal('mask-key'), ...MASK_REPLIES['mask-key'] }),
  z.strictObject({ ...envelope, what: z.literal('mask-shares'), ...MASK_REPLIES['mask-shares'] }),
  z.strictObject({ ...envelope, what: z.literal('mask-signature'), ...MASK_REPLIES['mask-signature'] }),
  z.strictObject({ ...envelope, what: z.literal('mask-opened'), ...MASK_REPLIES['mask-opened'] }),
])

export type Reply = z.output<typeof ReplySchema>
export type ReplyOf<W extends Reply['what']> = Extract<Reply, { what: W }>
/** What a reply tells, without what every message says of itself. */
export type Content<W extends Reply['what']> = Omit<ReplyOf<W>, keyof typeof envelope | 'what'>

/** A reply without what every message says of itself, and without where its weights are and under which masks. */
export function contentOf(reply: Reply): object {
  return Object.fromEntries(Object.entries(reply).filter(([key]) => !(key in envelope) && !PLACES.includes(key)))
}

const PLACES = ['what', 'payload', 'masked']

export type WirePayload = z.output<typeof PayloadSchema>
export type WireEvaluation = z.output<typeof EvaluationSchema>
export type WireMetrics = z.output<typeof MetricsSchema>

/** A sign of life between tasks and replies, unsigned: it may be lost, and only what people look at depends on it. */
export const LiveSchema = z.strictObject({
  run: token.nullable(),
  owner,
  round: count.nullable(),
  progress: z
    .strictObject({
      epoch: count,
      epochs: count,
      images: count,
      total: count,
      /** Null from an owner that shares no metrics. */
      loss: z.number().nullable(),
    })
    .nullable(),
})

/** How many bytes a message may have; weights go in chunks. */
export const MAX_MESSAGE = 2_000_000

/** Bytes of a piece of weights: the broker takes 8 MB at most, and holds a window of these in memory. */
export const CHUNK = 1024 * 1024

/** How owner 1 is called in subjects, and as a consumer and an account of the broker. */
export const ownerToken = (owner: number): string => `o${owner}`

/** What the inboxes of a party begin with; an owner may subscribe to no others. */
export const inboxPrefix = (token: string): string => `_INBOX_${token}`

/** Whose a subject like `done.o2` is. */
export function ownerIn(subject: string): number | undefined {
  const [, digits] = /^[a-z]+\.o([1-9]\d{0,8})$/.exec(subject) ?? []
  return digits === undefined ? undefined : Number(digits)
}
