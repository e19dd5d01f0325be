import { messageOf, systemCodeOf } from '../../errors.ts'
import { ask } from './ask.ts'
import { proxyFor } from './proxy.ts'

export interface DownloadOptions {
  /** Give up after this long without a byte, in milliseconds; the connection counts. */
  readonly stallMs: number
  /** The size that is announced in progress, in bytes; more than twice as much is refused. */
  readonly expected: number
  readonly signal?: AbortSignal | undefined
  /** Called with the bytes received so far. */
  readonly received?: ((bytes: number) => void) | undefined
}

/**
 * The body of `url`, in memory.
 * @throws Error with a one-line reason: no connection, a status other than 200, a cut or stalled transfer; it names the
 *   proxy that was asked, if one was
 * @throws the signal's reason if it was aborted
 */
export async function download(url: string, options: DownloadOptions): Promise<Uint8Array> {
  const stalled = new AbortController()
  const stall = () => stalled.abort(new Error(`no data for ${options.stallMs / 1000} s`))
  let timer = setTimeout(stall, options.stallMs)
  const signal = options.signal ? AbortSignal.any([options.signal, stalled.signal]) : stalled.signal
  try {
    const response = await ask('GET', url, signal)
    if (response.statusCode !== 200) throw new Error(`HTTP status ${response.statusCode}`)
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      clearTimeout(timer)
      timer = setTimeout(stall, options.stallMs)
      chunks.push(chunk)
      size += chunk.length
      if (size > 2 * options.expected) throw new Error(`more than ${2 * options.expected} bytes arrived`)
      options.received?.(size)
    }
    return Buffer.concat(chunks, size)
  } catch (error) {
    options.signal?.throwIfAborted()
    const proxy = proxyFor(url)
    const through = proxy === undefined ? '' : ` (through the proxy ${proxy})`
    throw new Error(reasonOf(stalled.signal.aborted ? stalled.signal.reason : error) + through, { cause: error })
  } finally {
    clearTimeout(timer)
    stalled.abort()
  }
}

function reasonOf(error: unknown): string {
  // Node's whole account of a connection that is cut.
  if (messageOf(error) === 'aborted') return 'the other side closed the connection'
  return (messageOf(error) || systemCodeOf(error) || 'connection failed').replace(/\s+/g, ' ')
}
