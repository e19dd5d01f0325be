import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { stream } from '../../src/random.ts'

export interface Slowness {
  /** Milliseconds in each direction. */
  readonly delay?: number
  /** Milliseconds by which the delay differs at most, up or down. */
  readonly jitter?: number
  readonly seed?: number
  /** In each direction. */
  readonly bytesPerSecond?: number
  /** What becomes of what the other end says first. */
  readonly greeting?: (text: string) => string
}

/** A way to a port of this machine that is slow, and can be cut. It ends with the test. */
export interface SlowNetwork {
  readonly port: number
  /** Bytes that have come for the other end. */
  readonly sent: number
  /** Ends all connections; new ones are refused until it is healed. */
  cut(): void
  heal(): void
}

export async function slowNetwork(to: number, slowness: Slowness = {}): Promise<SlowNetwork> {
  const { delay = 0, jitter = 0, seed = 1, bytesPerSecond = Number.POSITIVE_INFINITY, greeting } = slowness
  const random = stream(seed, 'shuffle')
  const open = new Set<Socket>()
  let whole = true
  let sent = 0

  /** Passes bytes on, in their order, no faster than the line is and as late as it is long. */
  const pass = (from: Socket, into: Socket, count: (bytes: Buffer) => Buffer) => {
    let free = 0
    let last = 0
    from.on('data', (bytes: Buffer) => {
      const piece = count(bytes)
      const now = performance.now()
      free = Math.max(free, now) + (1000 * piece.length) / bytesPerSecond
      last = Math.max(last, free + delay + jitter * (2 * random.uniform() - 1))
      setTimeout(() => into.writable && into.write(piece), last - now)
      // No more waits here than a second's worth.
      if (free - now < 1000) return
      from.pause()
      setTimeout(() => from.resume(), free - now - 500)
    })
    from.on('error', () => {})
    from.on('close', () => {
      open.delete(from)
      setTimeout(() => into.destroy(), Math.max(0, last - performance.now()))
    })
  }

  const server = createServer((near) => {
    if (!whole) return void near.destroy()
    const far = connect(to, '127.0.0.1')
    for (const socket of [near, far]) open.add(socket.setNoDelay())
    pass(near, far, (bytes) => {
      sent += bytes.length
      return bytes
    })
    let said = greeting === undefined
    pass(far, near, (bytes) => {
      if (said) return bytes
      said = true
      return Buffer.from(greeting!(bytes.toString('latin1')), 'latin1')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    whole = false
    for (const socket of open) socket.destroy()
  }
  onTestFinished(() => {
    cut()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    get sent() {
      return sent
    },
    cut,
    heal() {
      whole = true
    },
  }
}

/** Has a party reach its broker by another port. */
export function reachBy(partyDir: string, port: number): void {
  const file = join(partyDir, 'federation.json')
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replace(/("url": "tls:\/\/[^"]*:)\d+"/, `$1${port}"`))
}
