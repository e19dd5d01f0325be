import { randomBytes } from 'node:crypto'
import { fstatSync, type Stats } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FedunifyError, messageOf, systemCodeOf } from '../errors.ts'
import { thousands } from '../format.ts'
import { flush, syncFolder } from './flush.ts'

/**
 * A name beside that of a file or a folder, for one that is to take its place. It begins with a dot, so that nobody takes
 * it for a run folder.
 */
export const beside = (path: string, id = randomBytes(6).toString('hex')): string =>
  join(dirname(path), `.${basename(path)}.${id}.tmp`)

export interface WriteSteps {
  /** Is given the new file before anything is in it. */
  prepare?(file: FileHandle): Promise<void>
  /** Comes just before the new file takes the place of the old one, which it can prevent. */
  ready?(): Promise<void>
  /** Whether the folder is flushed too; not needed if that of a later file is. */
  readonly flushFolder?: boolean
}

/**
 * Writes a file whole: a temporary file beside it, flushed to the disk, then renamed, and the folder flushed too, or a
 * power cut might take the name back. An older file stays as it was until then; a link is replaced, not followed.
 * (Packages that do this call write() once and do not look how much of it a nearly full disk took.)
 * @throws the system's error
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  { prepare, ready, flushFolder = true }: WriteSteps = {},
): Promise<void> {
  const temporary = beside(path)
  try {
    const file = await open(temporary, 'wx')
    try {
      await prepare?.(file)
      await file.writeFile(content)
      await flush(file)
    } finally {
      await file.close()
    }
    await ready?.()
    await renameFile(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
  if (flushFolder) await syncFolder(dirname(path))
}

const WINDOWS_TRIES = 10

/**
 * Renames a file or a folder. On Windows it is refused for as long as another program, a virus scanner for example, has
 * the file open: there it is tried again for about half a second.
 * @throws the system's error
 */
export async function renameFile(
  from: string,
  to: string,
  move: (from: string, to: string) => Promise<void> = rename,
  platform = process.platform,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await move(from, to)
    } catch (error) {
      const inUse = ['EPERM', 'EACCES', 'EBUSY'].includes(systemCodeOf(error) ?? '')
      if (platform !== 'win32' || !inUse || tries === WINDOWS_TRIES) throw error
      await sleep(10 * tries)
    }
  }
}

/** The name of stdout, where a file is to be named. */
export const STDOUT = '-'

/** Whether a name is that of an open file of this process: 1 is stdout, 2 stderr. */
export async function isDescriptor(path: string, descriptor: 1 | 2): Promise<boolean> {
  try {
    const [named, open] = [await stat(path), fstatSync(descriptor)]
    return named.dev === open.dev && named.ino === open.ino
  } catch {
    return false
  }
}

/**
 * Writes what a user named as output: a file that is there is replaced by one with the same owner and mode, links are
 * followed, and what is no plain file, a device or a pipe, is written into. Folders are made.
 * @throws the system's error
 */
export async function writeNamed(path: string, content: string | Uint8Array): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if (systemCodeOf(error) !== 'ENOENT') throw error
  })
  const isLink = (await lstat(path).catch(() => undefined))?.isSymbolicLink()
  if (!found && !isLink) {
    await makeFolders(dirname(path))
    return await writeWhole(path, content)
  }
  // A name for an open file of a process, as /dev/stdout: others may have written into it before.
  if (/^\/(dev|proc)\//.test(resolve(path))) return await writeFile(path, content, { flag: 'a' })
  const replaceable = found?.isFile() && found.nlink === 1 && (await replace(await realpath(path), content, found))
  if (!replaceable) await writeFile(path, content)
}

/** Puts a file in the place of one, whole; false if the folder does not allow that, or not for this owner. */
async function replace(path: string, content: string | Uint8Array, { mode, uid, gid }: Stats): Promise<boolean> {
  try {
    await writeWhole(path, content, {
      async prepare(file) {
        const made = await file.stat()
        if (made.uid !== uid || made.gid !== gid) await file.chown(uid, gid)
        await file.chmod(mode & 0o7777)
      },
    })
    return true
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS', 'EBUSY'].includes(systemCodeOf(error) ?? '')) return false
    throw error
  }
}

/**
 * Makes a folder and those above it that are missing. (Node's own recursive mkdir never returns where the system takes
 * no folder and says ENOENT, as below /proc.)
 * @throws the system's error
 */
export async function makeFolders(path: string): Promise<void> {
  try {
    await makeFolder(path)
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT' || dirname(path) === path) throw error
    await makeFolders(dirname(path))
    await makeFolder(path)
  }
}

/** One that is there already, or that somebody else makes at the same moment, will do. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error
  }
}

/** Whether a plain file is at a path: no folder, and no pipe, which might never end. */
export async function isPlainFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (info) => info.isFile(),
    () => false,
  )
}

/** What is at a path; `none` also if the path leads through a file or cannot be one. */
export async function kindOf(path: string): Promise<'folder' | 'file' | 'none'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EINVAL'].includes(systemCodeOf(error) ?? '')) return 'none'
    throw new FedunifyError('E_FILE_UNREADABLE', `${path}: ${messageOf(error)}`, undefined, { cause: error })
  }
}

/**
 * The content of a plain file, undefined if there is none: a pipe in its place would never end.
 * @param size bytes of it that count, from its start; all if none is given
 * @param most bytes that these may be
 * @throws FedunifyError (data) if it cannot be read, or is larger
 */
export async function readIfThere(
  file: string,
  { size = Number.POSITIVE_INFINITY, most = 2 ** 31 - 1 } = {},
): Promise<Buffer | undefined> {
  try {
    const info = await stat(file)
    if (!info.isFile()) throw new Error('not a plain file')
    const wanted = Math.min(size, info.size)
    if (wanted > most)
      throw new Error(`${thousands(wanted)} bytes are more than the ${thousands(most)} that it may have`)
    if (wanted === info.size) return await readFile(file)
    const handle = await open(file)
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(wanted), 0, wanted, 0)
      return buffer.subarray(0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw new FedunifyError('E_FILE_UNREADABLE', `${file}: ${messageOf(error)}`, undefined, { cause: error })
  }
}
