import { readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isRunFile, REPORT } from '../runs/run-files.ts'
import { FolderLock } from '../runs/write/lock.ts'
import { beside, renameFile } from '../system/files.ts'
import { syncFolder } from '../system/flush.ts'

/**
 * Puts a run folder in the place of another, in which nobody may be at work. What is in that beside the run's own files
 * is kept, but for its page, which is about the other one.
 * @throws FedunifyError (usage) if the folder is in use; the system's error
 */
export async function exchange(draft: string, path: string): Promise<void> {
  const aside = beside(path)
  const lock = await FolderLock.take(path)
  try {
    await lock.move(aside)
    await renameFile(draft, path)
    const kept = (await readdir(aside)).filter((name) => !isRunFile(name) && name !== REPORT)
    for (const name of kept) await renameFile(join(aside, name), join(path, name))
  } finally {
    await lock.release()
  }
  await syncFolder(dirname(path))
  await rm(aside, { recursive: true, force: true })
}
