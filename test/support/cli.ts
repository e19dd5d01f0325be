import { main } from '../../src/cli/main.ts'

export interface CliResult {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the command line in this process: no colours, no terminal. */
export async function cli(...args: string[]): Promise<CliResult> {
  let out = ''
  let err = ''
  const code = await main(args, {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    terminal: undefined,
    colors: false,
    signal: new AbortController().signal,
  })
  return { code, out, err }
}
