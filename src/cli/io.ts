import type { WriteStream } from 'node:tty'
import { FedunifyError } from '../errors.ts'
import { LiveProgress, PlainProgress, type ProgressView } from '../report/terminal/progress.ts'
import { writeError } from '../runs/write/growing-file.ts'
import { isDescriptor, STDOUT, writeNamed } from '../system/files.ts'
import { COLORS, NO_COLORS, type Palette, visible } from '../visible.ts'

/** What a process gives a command; tests bring their own. */
export interface Streams {
  /**
   * Results alone.
   * @param commands whether lines that a CI system obeys are meant
   */
  out(text: string, options?: { readonly commands?: boolean }): void
  /**
   * Progress and errors.
   * @param exact whether it is the content of a file that was named so
   */
  err(text: string, options?: { readonly exact?: boolean }): void
  /** stderr, if it is a terminal. */
  readonly terminal: WriteStream | undefined
  /** Characters of a line of stdout, if it is a terminal; else undefined: lines may be as long as they are. */
  readonly width?: number | undefined
  /** Whether each of the two shows colours. */
  readonly colors: { readonly out: boolean; readonly err: boolean }
  readonly signal: AbortSignal
}

/** Where a command writes, and when it is to stop. */
export interface Io extends Streams {
  /** Results for people alone: commands in them are as fedunify was called. */
  say(text: string): void
  /** A line for people that is written by other means: commands in it are as fedunify was called. */
  asCalled(text: string): string
}

/**
 * The one place where text of others becomes harmless to whoever shows it: all that a command prints goes through.
 * @param asCalled how commands of fedunify are written for people
 */
export const screened = (io: Streams, asCalled = (text: string) => text): Io => ({
  ...io,
  out: (text, options) => io.out(visible(text, options)),
  say: (text) => io.out(visible(asCalled(text))),
  err: (text, { exact = false } = {}) => io.err(visible(exact ? text : asCalled(text))),
  asCalled,
})

/**
 * Whether a file that is named as output is stdout: as `-`, by a name of the system's, or because stdout was sent to it.
 * Written by any other way, one would overwrite what the other had written.
 */
export async function isStdout(file: string): Promise<boolean> {
  return file === STDOUT || (await isDescriptor(file, 1))
}

/**
 * Writes the file that an option names, `-` for stdout.
 * @throws FedunifyError that says so; what was to be written then goes to stdout, so that it is not lost
 */
export async function putNamed(option: string, file: string, content: string, io: Io): Promise<void> {
  if (file === '') throw new FedunifyError('E_OPTION', `${option} is empty`, 'name the file to write, or - for stdout')
  if (await isStdout(file)) return io.out(content)
  if (await isDescriptor(file, 2)) return io.err(content, { exact: true })
  await writeNamed(file, content).catch((cause: unknown) => {
    io.out(content)
    const error = writeError(file, cause)
    const hint = error.kind === 'usage' ? `name another file with ${option}, or - for stdout` : 'free some space'
    throw new FedunifyError(error.code, error.message, hint, { cause })
  })
}

/** Colours for what goes to stdout (`out`) or stderr (`err`): one may be a file while the other is a terminal. */
export const colorsOf = (io: Io, stream: 'out' | 'err' = 'out'): Palette => (io.colors[stream] ? COLORS : NO_COLORS)

/**
 * stderr, if bars can be drawn there. A terminal without a size (as some containers and CI services give) has no room. One
 * that cannot move its cursor (TERM=dumb) counts as none: start.ts.
 */
export const drawnOn = ({ terminal }: Io): WriteStream | undefined =>
  terminal?.columns && terminal.rows ? terminal : undefined

export function progressView(io: Io, quiet: boolean): ProgressView {
  if (quiet) return { note() {}, transfer() {}, event() {}, stop() {} }
  const terminal = drawnOn(io)
  if (terminal) return new LiveProgress(terminal, colorsOf(io, 'err'), { shown: io.asCalled })
  return new PlainProgress((line) => io.err(`${line}\n`), colorsOf(io, 'err'))
}
