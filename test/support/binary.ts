import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const BINARY = fileURLToPath(new URL('../../dist/bin.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves once stdout or stderr holds `text`; rejects if the program ends before. */
  says(text: string | RegExp): Promise<void>
}

interface Options {
  /** Milliseconds after which it is killed; default: a minute. */
  readonly patience?: number
  readonly cwd?: string
  readonly env?: Record<string, string>
  /** The program to start instead of node with the binary. */
  readonly command?: readonly [string, ...string[]]
}

/** Starts the built binary; it is killed after a minute, so that nothing outlives the tests. */
export function start(args: readonly string[], { cwd, env, command, patience = 60_000 }: Options = {}): Running {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: run npm run build first`)
  const [program, ...before] = command ?? ([process.execPath, BINARY] as const)
  // Whether this test runs in a terminal or in CI must not decide about colours.
  const { CI, GITHUB_ACTIONS, NO_COLOR, FORCE_COLOR, npm_config_package, ...inherited } = process.env
  const limits = { timeout: patience, killSignal: 'SIGKILL' } as const
  const child = spawn(program, [...before, ...args], { cwd, env: { ...inherited, ...env }, ...limits })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const ended = once(child, 'close').then(([code, signal]): Ended => ({ code, signal, out, err }))
  return {
    child,
    ended,
    async says(text) {
      const said = () => (typeof text === 'string' ? `${out}\n${err}`.includes(text) : text.test(`${out}\n${err}`))
      while (!said()) {
        const over = await Promise.race([ended, new Promise<void>((resolve) => setTimeout(resolve, 5))])
        if (over && !said()) throw new Error(`ended with ${over.code ?? over.signal} before it said ${text}\n${err}`)
      }
    },
  }
}

/** Runs the built binary to its end. */
export const runBinary = (args: readonly string[], options: Options = {}): Promise<Ended> => start(args, options).ended
