import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { FedunifyError, messageOf } from '../../errors.ts'
import { thousands } from '../../format.ts'
import { VERSION } from '../../package.ts'
import { EVENT_FORMAT } from '../plain-event.ts'
import { EVENTS } from '../tables.ts'
import { markOf } from '../write/growing-file.ts'

/** An evaluation of events.jsonl: counts, the confusion matrix [true][predicted] row-major. */
export interface SavedEvaluation {
  readonly images: number
  readonly correct: number
  readonly lossSum: number
  readonly confusion: readonly number[]
}

/** A finished round of events.jsonl: the federation's event without the weights. */
export interface SavedRound {
  readonly round: number
  readonly lr: number
  /** Without an evaluation if the owner shares no metrics, and all of them in rounds without evaluation. */
  readonly locals: readonly { readonly owner: number; readonly local?: SavedEvaluation | undefined }[]
  /** Without an evaluation if no owner shares its metrics. */
  readonly merges: readonly { readonly merge: string; readonly unified?: SavedEvaluation | undefined }[]
  /** Tensor to drift (merge/drift.ts). */
  readonly drift: Readonly<Record<string, number>>
  readonly baseline?: { readonly local?: SavedEvaluation | undefined } | undefined
}

export interface SavedEvents {
  /** Each once, in order: of a round that was done again after a kill, the last. */
  readonly rounds: readonly SavedRound[]
  /** Whether the last line was cut short, as a kill may leave it. */
  readonly torn: boolean
}

interface ReadOptions {
  /** Bytes of the file that count, from its start; default: all. */
  readonly size?: number | undefined
  /** The last round that counts. */
  readonly until?: number
  /** Keep what was evaluated in the last evaluated round alone: of many owners and rounds it is much. */
  readonly lastEvaluations?: boolean
}

/**
 * The finished rounds in a run's events.jsonl; undefined if there is no such file. A resumed run has several
 * `started` events, which do not matter here.
 * @throws FedunifyError (data) naming file and line if a line other than the last is not an event
 */
export async function readEvents(
  dir: string,
  { size, until = Number.POSITIVE_INFINITY, lastEvaluations = false }: ReadOptions = {},
): Promise<SavedEvents | undefined> {
  const file = join(dir, EVENTS)
  const mark = await markOf(file, 0)
  if (!mark) return undefined
  const rounds = new Map<number, SavedRound>()
  let number = 0
  let torn = false
  let last: { readonly round: number; readonly line: string } | undefined
  // Line by line: of many owners and rounds, the whole is more than a string can hold.
  for await (const { line, whole } of linesOf(file, size)) {
    number += 1
    torn = !whole
    // Most lines are of single owners, and a round repeats them: they need no parsing.
    if (torn || line.startsWith('{"type":"owner-trained"')) continue
    const event = parseEvent(line)
    if (!event) {
      throw new FedunifyError(
        'E_RUN_DAMAGED',
        `${file}:${number}: not an event of a run`,
        'the file was edited or cut short',
      )
    }
    if (event === 'other') continue
    if ('format' in event) throw newer(`${file}:${number}`, event.format)
    if (event.round > until) continue
    rounds.set(event.round, lastEvaluations ? { ...event, ...NOTHING } : event)
    // Kept as text: what is parsed of a round is collected with it, and many of them at once would be much.
    if (lastEvaluations && isEvaluated(event) && event.round >= (last?.round ?? 0)) last = { round: event.round, line }
  }
  if (last) rounds.set(last.round, parseEvent(last.line) as SavedRound)
  return { rounds: [...rounds.values()].sort((a, b) => a.round - b.round), torn }
}

const isEvaluated = ({ locals, merges, baseline }: SavedRound): boolean =>
  [...locals.map(({ local }) => local), ...merges.map(({ unified }) => unified), baseline?.local].some(Boolean)

const NOTHING = { locals: [], merges: [], baseline: {} } as const

const newer = (where: string, format: unknown) =>
  new FedunifyError(
    'E_RUN_FORMAT',
    `${where}: event format ${JSON.stringify(format)} is newer than fedunify ${VERSION} can read (up to ${EVENT_FORMAT})`,
    'use a newer version of fedunify',
  )

/** Characters of a line: a round of ten thousand owners has about a tenth of it. */
const MAX_LINE = 2 ** 27

/** Every event ends with a line feed: what follows the last one is the part that a kill let through. */
export async function* linesOf(
  file: string,
  size = Number.POSITIVE_INFINITY,
): AsyncGenerator<{ line: string; whole: boolean }> {
  if (size === 0) return
  let begun: string[] = []
  let length = 0
  try {
    const part = { encoding: 'utf8', highWaterMark: 2 ** 16, end: size - 1 } as const
    for await (const piece of createReadStream(file, part)) {
      begun.push(piece)
      length += piece.length
      if (length > MAX_LINE) throw new Error(`a line of more than ${thousands(MAX_LINE)} characters`)
      if (!piece.includes('\n')) continue
      const lines = begun.join('').split('\n')
      begun = [lines.pop()!]
      length = begun[0]!.length
      for (const line of lines) yield { line, whole: true }
    }
  } catch (error) {
    throw new FedunifyError('E_FILE_UNREADABLE', `${file}: ${messageOf(error)}`, undefined, { cause: error })
  }
  if (length > 0) yield { line: begun.join(''), whole: false }
}

/** A finished round, `other` for any other event, a format that is too new, undefined for what is none. */
function parseEvent(line: string): SavedRound | 'other' | { readonly format: unknown } | undefined {
  try {
    const event: unknown = JSON.parse(line)
    if (typeof event !== 'object' || event === null || !('type' in event)) return undefined
    if ('format' in event && !(typeof event.format === 'number' && event.format <= EVENT_FORMAT)) {
      return { format: event.format }
    }
    return event.type === 'round-finished' ? Round.parse(event) : 'other'
  } catch {
    return undefined
  }
}

/** A list of counts: long ones are common, and looked through in one go. */
const counts = z.custom<readonly number[]>(
  (value) => Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 0),
)
const count = z.int().min(0)

/** In format 1 the sum of the losses goes by another name. */
const Evaluation = z
  .object({
    images: count,
    correct: count,
    loss_sum: z.number().optional(),
    lossSum: z.number().optional(),
    confusion: counts,
  })
  .refine(({ loss_sum, lossSum }) => (loss_sum ?? lossSum) !== undefined)
  .transform(
    ({ images, correct, loss_sum, lossSum, confusion }): SavedEvaluation => ({
      images,
      correct,
      lossSum: (loss_sum ?? lossSum)!,
      confusion,
    }),
  )

/** A round as it is written; what readers do not use is passed over. */
const Round = z.object({
  round: z.int().min(1),
  lr: z.number(),
  locals: z.array(z.object({ owner: count, local: Evaluation.optional() })),
  merges: z.array(z.object({ merge: z.string(), unified: Evaluation.optional() })),
  drift: z.record(z.string(), z.number()),
  baseline: z.object({ local: Evaluation.optional() }).optional(),
})
