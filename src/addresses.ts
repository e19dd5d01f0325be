import { readFileSync } from 'node:fs'
import { FedunifyError } from './errors.ts'
import { bytes } from './format.ts'

/** What a thread takes: 0.61 GB were seen, nearly all of it set aside by V8 and by the memory of its own. */
const THREAD = 0.65e9
/** What training takes besides, with the default model: 0.5 GB were seen. */
const WORK = 0.4e9

/** How many bytes of addresses this process may have, and has; undefined where they are not limited (or not on Linux). */
export function addressSpace(): { readonly limit: number; readonly used: number } | undefined {
  try {
    const limit = /^Max address space +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    const used = /^VmSize:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]
    return limit === undefined || used === undefined ? undefined : { limit: Number(limit), used: 1024 * Number(used) }
  } catch {
    return undefined
  }
}

/**
 * Looks whether so many threads can train here. Where addresses run out in the midst of it, V8 and the native library
 * end the process without a word of ours: that must not come to pass.
 * @throws FedunifyError (usage) that names the limit, and how many threads would fit
 */
export function requireAddresses(threads: number, space = addressSpace()): void {
  if (space === undefined) return
  const needed = space.used + WORK + threads * THREAD
  if (needed <= space.limit) return
  const fit = Math.floor((space.limit - space.used - WORK) / THREAD)
  const fewer = fit > 0 ? `, or use --workers ${fit}` : ''
  throw new FedunifyError(
    'usage',
    `the address space is limited to ${bytes(space.limit)} (ulimit -v), and training takes ${bytes(needed)} here`,
    `raise the limit (ulimit -v unlimited)${fewer}`,
  )
}
