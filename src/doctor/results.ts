import { stat, statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { messageOf, systemCodeOf } from '../errors.ts'
import { bytes } from '../format.ts'
import { tryFlush, UNFLUSHED } from '../system/flush.ts'
import type { Finding } from './finding.ts'

const ELSEWHERE = 'fedunify run --out ANOTHER_FOLDER'

/** A run writes some MB for its weights, twice while it replaces them; long ones some hundred MB of events. */
const LITTLE = 1e9
const TOO_LITTLE = 5e7

/** Whether run folders can be made in `out`, and have space. */
export async function checkResults(out: string): Promise<Finding[]> {
  const folder = await nearestFolder(resolve(out))
  const writable = await checkWritable(out, folder)
  return writable.status === 'problem' ? [writable] : [writable, await checkSpace(folder)]
}

/** The folder, or the nearest one above it that is there. */
async function nearestFolder(path: string): Promise<string> {
  const above = dirname(path)
  const there = await stat(path).then(
    () => true,
    (error: unknown) => !['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? ''),
  )
  return there || above === path ? path : nearestFolder(above)
}

async function checkWritable(out: string, folder: string): Promise<Finding> {
  const problem = (why: string): Finding => ({
    subject: 'results',
    status: 'problem',
    detail: `${out}: ${why}`,
    fix: ELSEWHERE,
    data: true,
  })
  try {
    if (!(await stat(folder)).isDirectory()) return problem(`${folder} is not a folder`)
    // Permissions alone do not tell: file systems refuse for reasons of their own.
    const flushes = await tryFlush(folder)
    const made = folder === resolve(out) ? 'writable' : 'will be made'
    if (!flushes) {
      return { subject: 'results', status: 'warning', detail: `${out}: ${made}; ${UNFLUSHED}`, fix: ELSEWHERE }
    }
    return { subject: 'results', status: 'ok', detail: `${out}: ${made}` }
  } catch (error) {
    return problem(`cannot be written to (${systemCodeOf(error) ?? messageOf(error)})`)
  }
}

async function checkSpace(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder)
  return space(bavail * bsize)
}

/** How free space is judged. */
export function space(free: number): Finding {
  const detail = `${bytes(free)} free for results`
  if (free < TOO_LITTLE) return { subject: 'disk', status: 'problem', detail, fix: ELSEWHERE, data: true }
  if (free < LITTLE) return { subject: 'disk', status: 'warning', detail, fix: ELSEWHERE }
  return { subject: 'disk', status: 'ok', detail }
}
