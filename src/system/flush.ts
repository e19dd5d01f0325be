import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf } from '../errors.ts'

/** What file systems answer that cannot flush: FUSE, folders that a virtual machine shares, some networks. */
const UNABLE = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

const isUnable = (error: unknown): boolean => UNABLE.includes(systemCodeOf(error) ?? '')

/** What it means for whoever has results there. */
export const UNFLUSHED = 'its file system flushes nothing to the disk: a power cut may cost rounds that were finished'

let refused = false
let told = false

/**
 * Puts what was written on the disk. A file system that cannot do that does not keep anybody from working: see
 * `unflushedNow`.
 * @param how `datasync` leaves out what is not needed to read the content again
 * @throws the system's error
 */
export async function flush(file: FileHandle, how: 'sync' | 'datasync' = 'sync'): Promise<void> {
  if (!(await flushed(file, how))) refused = true
}

/** @returns false if the file system cannot flush */
async function flushed(file: FileHandle, how: 'sync' | 'datasync'): Promise<boolean> {
  try {
    await file[how]()
    return true
  } catch (error) {
    if (!isUnable(error)) throw error
    return false
  }
}

/** True once in a process, after a file system has refused to flush: so it is said, and said once. */
export function unflushedNow(): boolean {
  const now = refused && !told
  told ||= refused
  return now
}

/** Flushes what a folder says of its files, if the system knows that: Windows does not, nor do some networks. */
export async function syncFolder(dir: string): Promise<void> {
  try {
    const folder = await open(dir)
    await folder.sync().finally(() => folder.close())
  } catch {}
}

/**
 * Whether files can be written and flushed in a folder, which is tried with one in a folder of its own.
 * @throws the system's error if nothing can be written there
 */
export async function tryFlush(dir: string): Promise<boolean> {
  const own = await mkdtemp(join(dir, '.doctor-'))
  try {
    const file = await open(join(own, 'file'), 'wx')
    try {
      await file.writeFile('tried')
      return await flushed(file, 'sync')
    } finally {
      await file.close()
    }
  } finally {
    await rm(own, { recursive: true, force: true })
  }
}
