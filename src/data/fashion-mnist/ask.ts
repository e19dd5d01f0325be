import type { IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import { proxyAgent } from './proxy.ts'

// To import node:http is to read all that it exports: some versions of Node then load fetch after all.
const require = createRequire(import.meta.url)

/** As many redirects are followed. */
const REDIRECTS = 5

/**
 * What a server answers, its body still to be read. Not by Node's fetch, which is WebAssembly: that wants several GB of
 * addresses, which not every system gives (ulimit -v). Through a proxy, if the environment names one.
 * @throws Error if there is no answer, or redirects lead nowhere
 */
export async function ask(method: 'GET' | 'HEAD', url: string, signal: AbortSignal): Promise<IncomingMessage> {
  let at = new URL(url)
  for (let redirects = 0; ; redirects++) {
    const response = await send(method, at, signal)
    const { statusCode, headers } = response
    if (headers.location === undefined || ![301, 302, 303, 307, 308].includes(statusCode!)) return response
    response.destroy()
    if (redirects === REDIRECTS) throw new Error(`more than ${REDIRECTS} redirects`)
    at = new URL(headers.location, at)
  }
}

async function send(method: string, url: URL, signal: AbortSignal): Promise<IncomingMessage> {
  const agent = await proxyAgent(url)
  // Loaded here: most commands ask nobody. That of http refuses all other protocols.
  const { request }: typeof import('node:http') = require(url.protocol === 'https:' ? 'node:https' : 'node:http')
  return await new Promise((resolve, reject) => {
    // Without it some servers mark the .gz as a content encoding.
    const headers = { 'accept-encoding': 'identity' }
    request(url, { method, signal, headers, ...(agent && { agent }) }, resolve)
      .on('error', reject)
      .end()
  })
}
