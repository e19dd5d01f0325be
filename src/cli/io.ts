import type { WriteStream } from 'node:tty'
import pc from 'picocolors'
import { FedunifyError } from '../errors.ts'
import { LiveProgress, PlainProgress, type ProgressView } from '../report/progress.ts'
import { putFile } from '../results/files.ts'

/** Where a command writes, and when it is to stop; tests bring their own. */
export interface Io {
  /** Results alone. */
  out(text: string): void
  /** Progress and errors. */
  err(text: string): void
  /** stderr, where it is a terminal. */
  readonly terminal: WriteStream | undefined
  /** Whether each of the two shows colours. */
  readonly colors: { readonly out: boolean; readonly err: boolean }
  readonly signal: AbortSignal
}

/** Writes the file that an option names. @throws FedunifyError that says so */
export async function putNamed(option: string, file: string, content: string): Promise<void> {
  if (file === '') throw new FedunifyError('usage', `${option} is empty`, 'name the file to write')
  await putFile(file, content).catch((error: unknown) => {
    if (!(error instanceof FedunifyError) || error.kind !== 'usage') throw error
    throw new FedunifyError('usage', error.message, `name another file with ${option}`, { cause: error })
  })
}

/** Colours for what goes to stdout (`out`) or stderr (`err`): one may be a file while the other is a terminal. */
export const colorsOf = (io: Io, stream: 'out' | 'err' = 'out') => pc.createColors(io.colors[stream])

export function progressView(io: Io, quiet: boolean): ProgressView {
  if (quiet) return { note() {}, event() {}, stop() {} }
  // A terminal without a size (as some containers and CI services give) has no room to draw in.
  if (io.terminal?.columns && io.terminal.rows) return new LiveProgress(io.terminal, colorsOf(io, 'err'))
  return new PlainProgress((line) => io.err(`${line}\n`), colorsOf(io, 'err'))
}
