import { join } from 'node:path'
import { FedunifyError } from '../errors.ts'
import { readIfThere } from '../files.ts'

/** An evaluation as events.jsonl holds it: counts, the confusion matrix [true][predicted] row-major. */
export interface SavedEvaluation {
  readonly images: number
  readonly correct: number
  readonly lossSum: number
  readonly confusion: readonly number[]
}

/** A finished round as events.jsonl holds it: the federation's event without the weights. */
export interface SavedRound {
  readonly round: number
  readonly lr: number
  readonly locals: readonly { readonly owner: number; readonly local: SavedEvaluation }[]
  readonly merges: readonly { readonly merge: string; readonly unified: SavedEvaluation }[]
  /** Tensor to drift (merge/drift.ts). */
  readonly drift: Readonly<Record<string, number>>
  readonly baseline?: { readonly local: SavedEvaluation }
}

export interface SavedEvents {
  /** Each once, in order: of a round that was done again after a kill, the last. */
  readonly rounds: readonly SavedRound[]
  /** Whether the last line was cut short, as a kill may leave it. */
  readonly torn: boolean
}

/**
 * The finished rounds in a run's events.jsonl; undefined where there is no such file. A resumed run has several
 * `started` events, which tell nothing here.
 * @throws FedunifyError (data) naming file and line where a line other than the last is not an event
 */
export async function readEvents(dir: string): Promise<SavedEvents | undefined> {
  const file = join(dir, 'events.jsonl')
  const content = await readIfThere(file)
  if (!content) return undefined
  const lines = content.toString('utf8').split('\n')
  // Every event ends with a line feed: what follows the last is empty, or the part that a kill let through.
  const torn = lines.pop() !== ''
  const rounds = new Map<number, SavedRound>()
  for (const [i, line] of lines.entries()) {
    // Most lines are of single owners, and a round repeats them: they need no parsing.
    if (line.startsWith('{"type":"owner-trained"')) continue
    const event = parseEvent(line)
    if (!event) {
      throw new FedunifyError('data', `${file}:${i + 1}: not an event of a run`, 'the file was edited or cut short')
    }
    if (event !== 'other') rounds.set(event.round, event)
  }
  return { rounds: [...rounds.values()].sort((a, b) => a.round - b.round), torn }
}

/** A finished round, `other` for any other event, undefined for what is none. */
function parseEvent(line: string): SavedRound | 'other' | undefined {
  try {
    const event: unknown = JSON.parse(line)
    if (typeof event !== 'object' || event === null || !('type' in event)) return undefined
    if (event.type !== 'round-finished') return 'other'
    return 'round' in event && 'locals' in event && 'merges' in event ? (event as unknown as SavedRound) : undefined
  } catch {
    return undefined
  }
}
