import { randomBytes } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FedunifyError, messageOf, systemCodeOf } from '../../errors.ts'
import { kindOf, makeFolders, renameFile, writeWhole } from '../../system/files.ts'
import { syncFolder } from '../../system/flush.ts'
import { isFull } from '../../system/refusal.ts'

export interface Content {
  readonly text: string
  /** Whether only the user who wrote it may read it. */
  readonly secret?: true
}

/** Files by their paths in a folder. */
export type Files = Readonly<Record<string, Content>>

/**
 * Puts new entries into a folder, each whole: all files are written aside first, then given their place.
 * @param dir the folder; it is made
 * @param entries by name, in the order in which they come to be there
 * @throws FedunifyError if it cannot be written; then nothing of it is there
 */
export async function putFolders(dir: string, entries: Readonly<Record<string, Files>>): Promise<void> {
  const fresh = (await kindOf(dir)) === 'none'
  const aside = join(dir, `.fedunify.${randomBytes(6).toString('hex')}.tmp`)
  const placed: string[] = []
  try {
    await makeFolders(dir)
    for (const [entry, files] of Object.entries(entries)) {
      // Even without files: an entry may hold others alone.
      await makeFolders(join(aside, entry))
      for (const [name, content] of Object.entries(files)) {
        await makeFolders(dirname(join(aside, entry, name)))
        await write(join(aside, entry, name), content)
      }
    }
    for (const entry of Object.keys(entries)) {
      await renameFile(join(aside, entry), join(dir, entry))
      placed.push(entry)
    }
    await rm(aside, { recursive: true })
    await syncFolder(dir)
  } catch (error) {
    for (const path of [aside, ...placed.map((entry) => join(dir, entry))]) await remove(path)
    if (fresh) await remove(dir)
    throw unwritable(dir, error)
  }
}

/**
 * Writes files over those that are there, one by one and each whole, in their order. Folders are made.
 * @throws FedunifyError if one cannot be written
 */
export async function putFiles(dir: string, files: Files): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(dir, name)
    try {
      await makeFolders(dirname(path))
      await write(path, content)
    } catch (error) {
      throw unwritable(path, error)
    }
  }
}

/**
 * Takes a new folder, or one with nothing in it.
 * @throws FedunifyError (usage) if something is there
 */
export async function assertEmpty(dir: string, hint: string): Promise<void> {
  const kind = await kindOf(dir)
  if (kind === 'none' || (kind === 'folder' && (await entriesOf(dir)).length === 0)) return
  const what = kind === 'file' ? 'is a file' : 'is there already, and is not empty'
  throw new FedunifyError('E_FILE_EXISTS', `${dir} ${what}`, hint)
}

async function entriesOf(dir: string): Promise<string[]> {
  return await readdir(dir).catch((error: unknown) => {
    throw new FedunifyError('E_FILE_UNREADABLE', `${dir}: ${messageOf(error)}`, undefined, { cause: error })
  })
}

const write = (path: string, { text, secret }: Content) =>
  writeWhole(path, text, { prepare: async (file) => await file.chmod(secret ? 0o600 : 0o644) })

const remove = (path: string) => rm(path, { recursive: true, force: true }).catch(() => {})

function unwritable(path: string, error: unknown): unknown {
  if (error instanceof FedunifyError) return error
  if (isFull(error)) {
    return new FedunifyError('E_DISK_FULL', `${path}: no space left to write it`, 'free some space', { cause: error })
  }
  const why = systemCodeOf(error)
  if (why === undefined) return error
  return new FedunifyError('E_FILE_UNWRITABLE', `${path} cannot be written (${why})`, 'name a folder of yours', {
    cause: error,
  })
}
