import { z } from 'zod'
import { ERRORS, type ErrorCode, FedunifyError } from '../../errors.ts'
import { PayloadSchema, token } from '../../federation/nats/wire.ts'
import { keptFile } from '../../runs/kept-files.ts'

/** Raised when one side would misread the other. Written down in docs/formats.md. */
export const QUEUE_FORMAT = 1

const count = z.int().min(0)
const text = z.string().max(10_000)

/** Bytes that were put into the broker in chunks, under a name of their own. */
const BlobSchema = PayloadSchema.pick({ id: true, bytes: true, chunks: true, sha256: true })
const ruleFile = z.string().regex(/^[\w-]+\.m?js$/)

/** A file of a run folder: one of those that a run writes, a rule of the user's own, or kept weights. */
const FileSchema = z.strictObject({
  path: z
    .string()
    .refine((path) => /^(rules\/[\w-]+\.m?js|[a-z]+\.[a-z]+)$/.test(path) || keptFile(path) !== undefined),
  blob: BlobSchema,
})

/** What every message says of itself; `key` is the run's, the same whoever asks for it. */
const envelope = { format: z.literal(QUEUE_FORMAT), fedunify: text, key: token }

/** A run that is to be done. */
const JobSchema = z.strictObject({
  ...envelope,
  /** Its folder, as the batch calls it. */
  path: text,
  /** With every default filled in; rules of the user's own by their files, `./rules/NAME.mjs`. */
  experiment: z.record(z.string(), z.unknown()),
  config_hash: z.string().regex(/^[\da-f]{64}$/),
  rules: z.array(z.strictObject({ file: ruleFile, blob: BlobSchema })),
})

/** Who is at work on a run, and how far it has come. */
const StateSchema = z.strictObject({
  ...envelope,
  worker: text,
  /** Another one each time that the run is taken; null if it was left. */
  session: token.nullable(),
  round: count,
  /** What the names of the files' chunks begin with; null if there are none. */
  set: token.nullable(),
  files: z.array(FileSchema),
})

/** How a run ended. */
const ResultSchema = z.strictObject({
  ...envelope,
  worker: text,
  set: token,
  files: z.array(FileSchema),
  /** Why it failed; null if it finished. */
  error: z.strictObject({ code: text, message: text, hint: text.nullable() }).nullable(),
})

/** A line for people, which may be lost. */
const LiveSchema = z.strictObject({ ...envelope, worker: text, line: text, refused: z.boolean() })

const SCHEMAS = { job: JobSchema, state: StateSchema, result: ResultSchema, live: LiveSchema }

export type Kind = keyof typeof SCHEMAS
export type Message<K extends Kind> = z.output<(typeof SCHEMAS)[K]>
export type Job = Message<'job'>
export type State = Message<'state'>
export type Result = Message<'result'>
export type Blob = z.output<typeof BlobSchema>
export type RunFile = z.output<typeof FileSchema>

export const encode = <K extends Kind>(_: K, message: Message<K>): Uint8Array => Buffer.from(JSON.stringify(message))

/** @throws FedunifyError (data) if it is not a message of this kind and format */
export function decode<K extends Kind>(kind: K, bytes: Uint8Array): Message<K> {
  const refuse = (why: string) =>
    new FedunifyError('E_PROTOCOL', `a ${kind} on the queue is not of this format: ${why}`)
  const value = parse(bytes)
  if (value === undefined) throw refuse('it is no JSON')
  const parsed = SCHEMAS[kind].safeParse(value)
  if (parsed.success) return parsed.data as Message<K>
  const [{ path, message } = { path: [], message: '' }] = parsed.error.issues
  throw refuse(`${path.join('.')}: ${message}`)
}

/** What a worker tells; undefined if it cannot be read, perhaps of another version: nothing depends on it. */
export const heard = (bytes: Uint8Array): Message<'live'> | undefined => LiveSchema.safeParse(parse(bytes)).data

/** What a job of any format says of who made it. */
const HeadSchema = z.object({ format: z.number(), fedunify: text, key: token, path: text.optional() })

export const headOf = (bytes: Uint8Array): z.output<typeof HeadSchema> | undefined =>
  HeadSchema.safeParse(parse(bytes)).data

/** What made a run fail elsewhere, as it would be here. */
export function errorOf({ code, message, hint }: NonNullable<Result['error']>): FedunifyError {
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'E_BUG'
  return new FedunifyError(known, message, hint ?? undefined)
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}
