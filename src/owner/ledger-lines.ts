import { z } from 'zod'
import { FedunifyError } from '../errors.ts'
import { VERSION } from '../package.ts'
import { readIfThere } from '../system/files.ts'

/** Raised when an older reader would take a ledger for what it is not. */
export const LEDGER_FORMAT = 1

const DIRECTIONS = ['in', 'out'] as const
const KINDS = [
  'experiment',
  'model',
  'instruction',
  'head',
  'update',
  'masked',
  'key',
  'share',
  'statistics',
  'evaluation',
  'counts',
  'card',
  'refusal',
] as const

const whole = z.int().min(0)

/** What is noted; what does not belong to a round has none. */
export const NoteSchema = z.object({
  run: z.string().min(1),
  round: whole.optional(),
  attempt: whole.optional(),
  direction: z.enum(DIRECTIONS),
  kind: z.enum(KINDS),
  bytes: whole,
  sha256: z.string().regex(/^[\da-f]{64}$/),
})

/** One thing that an owner received, or is about to send. */
export interface LedgerNote {
  readonly run: string
  readonly round?: number | undefined
  /** Of the round: one that did not count is tried again. */
  readonly attempt?: number | undefined
  readonly direction: (typeof DIRECTIONS)[number]
  readonly kind: (typeof KINDS)[number]
  readonly bytes: number
  /** Of what was sent, hexadecimal. */
  readonly sha256: string
}

/** A line of a ledger. Kinds that come later can be read too. */
const EntrySchema = NoteSchema.extend({ time: z.iso.datetime(), kind: z.string() })

export interface LedgerEntry extends Omit<LedgerNote, 'kind'> {
  /** ISO 8601, UTC. */
  readonly time: string
  readonly kind: string
}

/** All of one kind that went one way in one run. */
export interface LedgerTotal extends Pick<LedgerEntry, 'run' | 'direction' | 'kind'> {
  readonly entries: number
  readonly bytes: number
}

export interface LedgerContent {
  readonly entries: readonly LedgerEntry[]
  /** In the order in which they are met first. */
  readonly totals: readonly LedgerTotal[]
  /** Lines that a kill tore off. */
  readonly torn: number
}

/**
 * What an owner's ledger holds; undefined if there is none.
 * @throws FedunifyError (data) naming file and line if it is not a ledger, or of a newer format
 */
export async function readLedger(file: string): Promise<LedgerContent | undefined> {
  const content = await readIfThere(file)
  return content && parseLedger(content, file)
}

/** @throws FedunifyError (data) naming file and line */
export function parseLedger(content: Buffer, file: string): LedgerContent {
  const entries: LedgerEntry[] = []
  let torn = 0
  let number = 0
  for (const line of linesOf(content)) {
    number += 1
    // Two processes may have ended the same line.
    if (line === '') continue
    const entry = entryOf(line, `${file}:${number}`)
    if (entry) entries.push(entry)
    else torn += 1
  }
  return { entries, totals: totalsOf(entries), torn }
}

/** One by one: a whole ledger may be more than a string can hold. */
function* linesOf(content: Buffer): Generator<string> {
  for (let start = 0; start < content.length; ) {
    const end = content.indexOf('\n', start)
    yield content.toString('utf8', start, end < 0 ? content.length : end)
    start = end < 0 ? content.length : end + 1
  }
}

/** An entry; undefined if the line was torn off. */
function entryOf(line: string, place: string): LedgerEntry | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    if (isTorn(line)) return undefined
    throw foreign(place)
  }
  // Others write JSON lines with a format too.
  if (!HEADS.some((head) => line.startsWith(head))) throw foreign(place)
  const { format = LEDGER_FORMAT } = value as { format?: unknown }
  if (typeof format !== 'number') throw foreign(place)
  if (format > LEDGER_FORMAT) {
    throw new FedunifyError(
      'E_LEDGER_FORMAT',
      `${place}: ledger format ${format} is newer than fedunify ${VERSION} can read (up to ${LEDGER_FORMAT})`,
      'use a newer version of fedunify',
    )
  }
  const parsed = EntrySchema.safeParse(value)
  if (!parsed.success) throw foreign(place)
  return parsed.data
}

/** How a line begins: the first of a process, and the others. */
const HEADS = ['{"format":', '{"time":']

/** Whether it is the beginning of a line of ours. A power cut may leave zeros where the rest should be. */
function isTorn(line: string): boolean {
  const left = line.replace(/\0+$/, '')
  return HEADS.some((head) => (left.length < head.length ? head.startsWith(left) : left.startsWith(head)))
}

const foreign = (place: string) =>
  new FedunifyError(
    'E_LEDGER',
    `${place}: not a line of a ledger`,
    'the file was edited, or is none: move it away, and a new ledger begins',
  )

function totalsOf(entries: readonly LedgerEntry[]): LedgerTotal[] {
  const totals = new Map<string, LedgerTotal>()
  for (const { run, direction, kind, bytes } of entries) {
    const key = JSON.stringify([run, direction, kind])
    const before = totals.get(key) ?? { run, direction, kind, entries: 0, bytes: 0 }
    totals.set(key, { ...before, entries: before.entries + 1, bytes: before.bytes + bytes })
  }
  return [...totals.values()]
}
