import { main } from '../../src/cli/main.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command in this process. */
export async function fedunify(...args: string[]): Promise<Ran> {
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
