import { distance } from 'fastest-levenshtein'
import { oneLine } from './visible.ts'

/** What went wrong, by the exit code that the command line reports for it. */
export const EXIT = {
  ok: 0,
  missed: 1,
  usage: 2,
  data: 3,
  training: 4,
  interrupted: 130,
} as const

export type ErrorKind = Exclude<keyof typeof EXIT, 'ok'>

/** Where in a run an error happened: the message says it in words, this as data. */
export interface ErrorPlace {
  readonly owner?: number
  readonly round?: number
  readonly tensor?: string
}

/**
 * The one error type of fedunify: thrown where the cause is known, printed once by `cli/main.ts`.
 * `message` is one line that names the cause; `hint` says what to do about it. Both may name what others wrote: a path,
 * a value, another program's words.
 */
export class FedunifyError extends Error {
  override readonly name = 'FedunifyError'
  readonly kind: ErrorKind
  readonly hint: string | undefined
  readonly place: ErrorPlace

  /** @param hint one line, or a list of lines */
  constructor(
    kind: ErrorKind,
    message: string,
    hint?: string | readonly string[],
    options: ErrorOptions & ErrorPlace = {},
  ) {
    const { cause, ...place } = options
    super(oneLine(message), cause === undefined ? undefined : { cause })
    this.place = place
    this.kind = kind
    this.hint = hint && [hint].flat().map(oneLine).join('\n')
  }

  get exitCode(): number {
    return EXIT[this.kind]
  }
}

/** The legal name nearest to a mistyped one, or undefined where nothing is near enough to be meant. */
export function nearest(got: string, legal: readonly string[]): string | undefined {
  const most = (name: string) => Math.max(1, Math.floor(name.length / 3))
  const letters = (name: string) => [...name.toLowerCase()].sort().join('')
  // Letters in another order are one slip, not two.
  const edits = (name: string) => {
    const count = distance(got.toLowerCase(), name.toLowerCase())
    return count > 1 && letters(got) === letters(name) ? count - 1 : count
  }
  // Edits are slow to count, and there are as many as one name is longer: of most names none need be counted.
  const [best] = legal
    .filter((name) => Math.abs(name.length - got.length) <= most(name))
    .map((name) => ({ name, count: edits(name) }))
    .sort((a, b) => a.count - b.count)
  return best && best.count <= most(best.name) && best.count < best.name.length ? best.name : undefined
}

/** «unknown WHAT "GOT": expected one of …», with the nearest legal name as the hint. */
export function unknownName(what: string, got: string, legal: readonly string[]): FedunifyError {
  const near = nearest(got, legal)
  return new FedunifyError(
    'usage',
    `unknown ${what} "${got}": expected one of ${legal.join(', ')}`,
    near && `did you mean ${near}?`,
  )
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The system error code (ENOENT, EACCES, ENOSPC …) of whatever was thrown, if it has one. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
