import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { FedunifyError } from '../errors.ts'
import type { Party, Stage } from './stage.ts'

/** Where to look for it: Debian installs it where the PATH of most users does not lead. */
const PLACES = ['nats-server', '/usr/sbin/nats-server', '/usr/local/sbin/nats-server'] as const

/** Errors in its log. */
const TROUBLE = /\[(ERR|FTL)\]/

/** Milliseconds that it may take to start. */
const PATIENCE = 15_000

export interface BrokerProgram {
  readonly program: string
  /** Such as 2.9.10. */
  readonly version: string
}

/**
 * The nats-server of this machine.
 * @throws FedunifyError (usage) that says how to get one
 */
export async function findBroker(places: readonly string[] = PLACES): Promise<BrokerProgram> {
  for (const program of places) {
    try {
      const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: 5000 })
      return { program, version: /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0] ?? 'of an unknown version' }
    } catch {
      // The next place.
    }
  }
  throw new FedunifyError(
    'E_BROKER',
    'there is no nats-server on this machine, and a federation needs one as its broker',
    'apt-get install nats-server (Debian, Ubuntu), or take 2.9 or later from the release page of nats-io/nats-server',
  )
}

/** A port of the loopback interface that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/**
 * Starts the broker of a federation, for this machine alone.
 * @param dir the folder of the federation
 * @throws FedunifyError (usage) with its own words if it does not start
 */
export async function startBroker(
  stage: Stage,
  { program, version }: BrokerProgram,
  { dir, port, signal, say }: { dir: string; port: number; signal: AbortSignal; say(line: string): void },
): Promise<Party> {
  const said: string[] = []
  let isReady = () => {}
  const ready = new Promise<true>((resolve) => {
    isReady = () => resolve(true)
  })
  const line = (text: string) => {
    // Of a broker that runs on, the first lines are enough.
    if (said.length < 200) said.push(text)
    if (TROUBLE.test(text)) say(text)
    if (/Server is ready/.test(text)) isReady()
  }
  const args = ['-c', 'nats.conf', '-a', '127.0.0.1', '-p', String(port)]
  const broker = stage.start({ name: 'the broker', program, args, cwd: join(dir, 'broker'), line })
  const late = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
  const gaveUp = new Promise<false>((resolve) => late.addEventListener('abort', () => resolve(false), { once: true }))
  const up = await Promise.race([ready, broker.ended, gaveUp])
  signal.throwIfAborted()
  if (up === true) {
    say(`nats-server ${version} listens on localhost:${port}, for this machine alone`)
    return broker
  }
  const why = said.findLast((text) => TROUBLE.test(text)) ?? said.at(-1) ?? 'it said nothing'
  throw new FedunifyError('E_BROKER', `the broker did not start: ${why}`, 'try again, or look at its nats.conf')
}
