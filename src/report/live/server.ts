import { randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { messageOf } from '../../errors.ts'
import { pagePolicy } from '../html/policy.ts'
import type { WatchedRun } from './watch.ts'

/** Milliseconds between two signs of life on a stream of events. */
const HEARTBEAT = 15_000

const LOOPBACK = '127.0.0.1'

export interface LivePage {
  /** With a random token: whoever does not know it sees nothing, whatever page they have open. */
  readonly url: string
  /** Ends every connection and frees the port. */
  close(): Promise<void>
}

/** Serves the page of a run to browsers on this machine. */
export async function serveLivePage(run: WatchedRun): Promise<LivePage> {
  const token = randomBytes(24).toString('base64url')
  const server = createServer((request, response) => {
    answer(request, response, { run, token, server }).catch((error: unknown) => {
      refuse(response, 503, messageOf(error))
    })
  })
  server.listen(0, LOOPBACK)
  await once(server, 'listening')
  return {
    url: `http://${LOOPBACK}:${portOf(server)}/${token}/`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

const portOf = (server: Server) => (server.address() as AddressInfo).port

interface Serving {
  readonly run: WatchedRun
  readonly token: string
  readonly server: Server
}

async function answer(request: IncomingMessage, response: ServerResponse, serving: Serving): Promise<void> {
  const { run, token, server } = serving
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
  // A name of somebody else's that leads to this machine would make its pages ours to the browser.
  const hosts = [LOOPBACK, 'localhost'].map((name) => `${name}:${portOf(server)}`)
  if (!hosts.includes(request.headers.host ?? '')) return refuse(response, 403, 'unknown host')
  if (request.method !== 'GET') return refuse(response, 405, 'only GET')
  const [, given = '', path, ...more] = (request.url ?? '').split('/')
  if (!isSame(given, token) || more.length > 0) return refuse(response, 404, 'not found')
  if (path === 'events') return stream(request, response, run)
  if (path !== '') return refuse(response, 404, 'not found')
  const page = await run.page()
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.setHeader('content-security-policy', `${pagePolicy(true)}; frame-ancestors 'none'`)
  response.end(page)
}

const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.end(`${text}\n`)
}

function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Server-sent events: how the run stands, now and at each change. */
function stream(request: IncomingMessage, response: ServerResponse, run: WatchedRun): void {
  response.setHeader('content-type', 'text/event-stream')
  response.write('retry: 1000\n\n')
  const stop = run.listen((live) => response.write(`event: state\ndata: ${JSON.stringify(live)}\n\n`))
  const beat = setInterval(() => response.write(': alive\n\n'), HEARTBEAT)
  request.on('close', () => {
    stop()
    clearInterval(beat)
  })
}
