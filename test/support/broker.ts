import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Whether this machine has a broker; tests that need one are skipped otherwise. */
export const hasBroker = !spawnSync('nats-server', ['--version']).error
if (!hasBroker) console.warn('nats-server is not on PATH: tests with a real broker are skipped')

export interface Broker {
  readonly url: string
  /** Of the process that runs now. */
  readonly pid: number
  /** What the process that runs now has logged. */
  readonly log: string
  /** Ends it as a service manager would. */
  stop(): Promise<void>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
  /** Starts it again on the same port, with what it has stored; it may run or not. */
  restart(): Promise<void>
  /** Has it read its configuration again, twice: see src/federation/setup/broker-process.ts. */
  reload(): Promise<void>
  /** Stops it and deletes all that it has stored: `restart` then starts it empty. */
  wipe(): Promise<void>
  /** Resolves once it has logged `text`. */
  says(text: string | RegExp): Promise<void>
}

/** How long a broker may take to start, to stop or to log something, in milliseconds. */
const PATIENCE = 10_000

/**
 * Starts the broker of a folder that `fedunify federation init` made, on the loopback interface alone. Whoever starts
 * one stops it; it ends with this process at the latest.
 * @param brokerDir DIR/broker
 */
export async function startBroker(brokerDir: string, { port, at }: Place): Promise<Broker> {
  let child = run(brokerDir, { port, at })
  await child.says(/Server is ready/)
  const stop = async (signal: NodeJS.Signals) => {
    if (!child.running()) return
    child.process.kill(signal)
    await child.ended
  }
  return {
    url: `tls://localhost:${port}`,
    get pid() {
      return child.process.pid!
    },
    get log() {
      return child.log()
    },
    stop: () => stop('SIGTERM'),
    kill: () => stop('SIGKILL'),
    async restart() {
      await stop('SIGTERM')
      child = run(brokerDir, { port, at })
      await child.says(/Server is ready/)
    },
    async reload() {
      for (let time = 0; time < 2; time++) {
        const before = child.log().length
        child.process.kill('SIGHUP')
        await child.says(/Reloaded server configuration|Failed to reload/, before)
        if (/Failed to reload/.test(child.log().slice(before))) throw new Error(child.log().slice(before))
      }
    },
    async wipe() {
      await stop('SIGTERM')
      rmSync(join(brokerDir, 'store'), { recursive: true, force: true })
    },
    says: (text) => child.says(text),
  }
}

interface Child {
  readonly process: ChildProcess
  readonly ended: Promise<unknown>
  running(): boolean
  log(): string
  says(text: string | RegExp, from?: number): Promise<void>
}

interface Place {
  readonly port: number
  /** A machine of its own: what goes before the command, and the address there. */
  readonly at?: { readonly command: readonly [string, ...string[]]; readonly address: string } | undefined
}

function run(brokerDir: string, { port, at }: Place): Child {
  if (!existsSync(join(brokerDir, 'nats.conf'))) throw new Error(`${brokerDir} has no nats.conf`)
  const [program, ...before] = [...(at?.command ?? []), 'nats-server'] as const
  const address = at?.address ?? '127.0.0.1'
  const child = spawn(program!, [...before, '-c', 'nats.conf', '-a', address, '-p', String(port)], {
    cwd: brokerDir,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
  })
  const watchdog = endWith(child)
  const ended = once(child, 'close').finally(() => watchdog.kill('SIGKILL'))
  const running = () => child.exitCode === null && child.signalCode === null
  return {
    process: child,
    ended,
    running,
    log: () => text,
    async says(wanted, from = 0) {
      const said = () => text.slice(from).search(wanted) >= 0
      for (const start = Date.now(); !said(); await new Promise((resolve) => setTimeout(resolve, 10))) {
        if (!running()) throw new Error(`the broker ended before it said ${wanted}:\n${text}`)
        if (Date.now() - start > PATIENCE) throw new Error(`the broker did not say ${wanted}:\n${text}`)
      }
    },
  }
}

/** Kills a process if this one ends first, however it ends: then the other end of the pipe is closed. */
function endWith({ pid }: ChildProcess): ChildProcess {
  return spawn('sh', ['-c', `read _; kill -9 ${pid}`], { stdio: ['pipe', 'ignore', 'ignore'] })
}
