import type { WriteStream } from 'node:tty'
import { main } from '../../src/cli/main.ts'

export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

// Whether these tests run in a workflow must not decide what is printed.
delete process.env.GITHUB_ACTIONS

/** Runs the command line in this process. */
export async function fedunify(
  args: readonly string[],
  given: {
    colors?: boolean
    width?: number
    signal?: AbortSignal
    terminal?: WriteStream
    out?: (text: string) => void
  } = {},
): Promise<Outcome> {
  let out = ''
  let err = ''
  const code = await main(args, {
    out: (text) => {
      out += text
      given.out?.(text)
    },
    err: (text) => {
      err += text
    },
    width: given.width,
    terminal: given.terminal,
    colors: { out: given.colors ?? false, err: given.colors ?? false },
    signal: given.signal ?? new AbortController().signal,
  })
  return { code, out, err }
}

/** The command lines that read `file`, as an experiment or as expectations. */
export const readersOf = (file: string): string[][] => [
  ['config', 'show', file],
  ['run', file],
  ['batch', file],
  ['check', '.', '--expect', file],
]
