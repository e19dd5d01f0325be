import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { cpus, hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { messageOf } from '../../../errors.ts'
import { VERSION } from '../../../package.ts'
import { cacheFolder } from '../../../system/cache.ts'
import { makeFolders, writeWhole } from '../../../system/files.ts'
import { instructionSetsIn, readProcessor } from '../../../system/processor.ts'
import { loadRuntime, RUNTIME_VERSION } from './runtime.ts'

/** How training uses blocked convolutions here, or why it cannot. */
export type Blocked =
  | {
      readonly block: number
      /** What measure-cache.ts found. */
      readonly cacheBytes: number
    }
  | { readonly why: string }

interface Means {
  readonly cache?: string
  /** What the answer depends on. */
  readonly key?: string
  readonly probe?: () => Promise<number | undefined>
  readonly check?: (block: number) => Promise<string | undefined>
  readonly measure?: (block: number) => Promise<number>
}

const CACHE = join(cacheFolder(), 'blocked.json')

/**
 * The domain of the blocked operators is internal to the runtime. So its block size is probed, what it computes is compared
 * with the standard operators, and whether micro-batches are quicker here is measured, once: the outcome is kept. A later
 * run need not even load the runtime here, which takes as long as all else that it does before its threads begin.
 *
 * @throws FedunifyError (usage) if the runtime does not load
 */
export async function findBlocked({ cache = CACHE, key, ...means }: Means = {}): Promise<Blocked> {
  const here = key ?? (await machineKey())
  const known = await readCache(cache)
  const before = known[here]
  if (isBlocked(before)) return before
  loadRuntime()
  const [{ probeBlockSize, selfCheck }, { measureCache }] = await Promise.all([
    import('./self-check.ts'),
    import('./measure-cache.ts'),
  ])
  const { probe = probeBlockSize, check = selfCheck, measure = measureCache } = means
  try {
    const block = await probe()
    const why = block === undefined ? 'this processor has no blocked convolutions' : await check(block)
    const found = why === undefined ? { block: block!, cacheBytes: await measure(block!) } : { why }
    await writeCache(cache, { ...known, [here]: found })
    return found
  } catch (error) {
    return { why: `the runtime refuses blocked convolutions: ${messageOf(error).split('\n')[0]}` }
  }
}

/**
 * Versions of the graphs and the runtime, the processor, and its instruction sets where the system tells them: a
 * hypervisor may hide some, so that processors of one name differ.
 */
async function machineKey(): Promise<string> {
  const sets = instructionSetsIn((await readProcessor()) ?? '').join(' ')
  const digest = createHash('sha256')
    .update(sets === '' ? hostname() : sets)
    .digest('hex')
    .slice(0, 16)
  return [VERSION, RUNTIME_VERSION, process.arch, cpus()[0]?.model.trim(), digest].join(' ')
}

function isBlocked(value: unknown): value is Blocked {
  if (typeof value !== 'object' || value === null) return false
  if ('block' in value) return Number.isInteger(value.block) && 'cacheBytes' in value && isBytes(value.cacheBytes)
  return 'why' in value && typeof value.why === 'string'
}

const isBytes = (value: unknown) => typeof value === 'number' && value >= 0

async function readCache(file: string): Promise<Record<string, unknown>> {
  try {
    const known: unknown = JSON.parse(await readFile(file, 'utf8'))
    return typeof known === 'object' && known !== null ? (known as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** A cache that cannot be written costs the check again, and nothing else. */
async function writeCache(file: string, known: Record<string, unknown>): Promise<void> {
  try {
    await makeFolders(dirname(file))
    await writeWhole(file, `${JSON.stringify(known, null, 2)}\n`)
  } catch {}
}
