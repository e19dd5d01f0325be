import { execFile } from 'node:child_process'
import { availableParallelism, cpus, freemem } from 'node:os'
import { promisify } from 'node:util'
import { bytes } from '../format.ts'
import { NODE_RANGE } from '../package.ts'
import { askGit, noCommitOf, trustCommand } from '../system/git.ts'
import { addressSpace } from '../system/limits.ts'
import { memoryLimit } from '../system/memory-limit.ts'
import { instructionSetsIn, readProcessor } from '../system/processor.ts'
import type { Finding } from './finding.ts'

/** What a run of the default experiment needs at most: two owners, each with a session and the dataset between them. */
const MEMORY = 1.5e9

/** Instruction sets that decide how fast the engine computes, as Linux calls them. */
const FEATURES: Readonly<Record<string, string>> = { avx2: 'avx2', avx512f: 'avx512f', neon: 'neon', asimd: 'neon' }

/** Whether `version` is in a range of comparators, ">=20.17" or ">=20.17 <25". */
export function inRange(version: string, range: string): boolean {
  return range.split(/\s+/).every((comparator) => {
    const [, operator = '', bound = ''] = /^(>=|<)?(.*)$/.exec(comparator) ?? []
    const order = compare(version, bound)
    return operator === '<' ? order < 0 : order >= 0
  })
}

function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map((part) => Number.parseInt(part, 10)))
  for (let i = 0; i < 3; i++) {
    const difference = (left![i] ?? 0) - (right![i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

export function checkNode(version = process.versions.node): Finding {
  const fits = inRange(version, NODE_RANGE)
  const detail = `${version} (needs ${NODE_RANGE})`
  if (fits) return { subject: 'node', status: 'ok', detail }
  const install = process.env.NVM_DIR ? { fix: 'nvm install --lts' } : {}
  return { subject: 'node', status: 'problem', detail: `${detail}: install another from nodejs.org`, ...install }
}

export async function checkProcessor(): Promise<Finding> {
  const all = cpus()
  const usable = availableParallelism()
  const cores = usable === all.length ? `${usable} cores` : `${usable} of ${all.length} cores`
  const cpuinfo = await readProcessor()
  const features = cpuinfo === undefined ? undefined : featuresIn(cpuinfo)
  const known = features && (features.length > 0 ? features.join(' ') : 'neither avx2 nor neon')
  const model = all[0]?.model.trim() || 'unknown processor'
  const detail = [`${process.platform}-${process.arch}`, model, cores, known].filter(Boolean).join(', ')
  const slow = process.arch === 'x64' && features !== undefined && !features.includes('avx2')
  return {
    subject: 'processor',
    status: slow ? 'warning' : 'ok',
    detail: slow ? `${detail}: training is slow` : detail,
  }
}

/** The instruction sets that matter, from the text of /proc/cpuinfo. */
export function featuresIn(cpuinfo: string): string[] {
  const words = instructionSetsIn(cpuinfo)
  return [...new Set(Object.entries(FEATURES).flatMap(([word, name]) => (words.includes(word) ? [name] : [])))]
}

export function checkMemory(free = process.availableMemory?.() ?? freemem()): Finding {
  const detail = `${bytes(free)} free of ${bytes(memoryLimit())} (a run takes about ${bytes(MEMORY)})`
  if (free >= MEMORY) return { subject: 'memory', status: 'ok', detail }
  return { subject: 'memory', status: 'warning', detail, fix: 'fedunify run --workers 1' }
}

/** Where addresses are limited, a run of the default experiment needs so many bytes of them. */
const ADDRESSES = 3e9

export function checkAddresses(space = addressSpace()): Finding[] {
  if (space === undefined) return []
  const detail = `limited to ${bytes(space.limit)} (ulimit -v; a run takes about ${bytes(ADDRESSES)})`
  if (space.limit >= ADDRESSES) return [{ subject: 'addresses', status: 'ok', detail }]
  return [{ subject: 'addresses', status: 'warning', detail, fix: 'ulimit -v unlimited' }]
}

/** What a run writes into its manifest besides: the commit that it was run from. */
export async function checkGit(program = 'git'): Promise<Finding> {
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: 2000 })
    const version = stdout.trim().replace(/^git version /, '')
    const { foreign } = await askGit()
    if (foreign === undefined) return { subject: 'git', status: 'ok', detail: version }
    return {
      subject: 'git',
      status: 'warning',
      detail: `${version}; ${noCommitOf(foreign)}`,
      fix: trustCommand(foreign),
    }
  } catch {
    const detail = 'not found: manifests will not name the commit that a run was made from'
    const fix = { linux: 'sudo apt-get install git', darwin: 'xcode-select --install', win32: 'winget install Git.Git' }
    const command = (fix as Record<string, string>)[process.platform]
    return { subject: 'git', status: 'warning', detail, ...(command && { fix: command }) }
  }
}
