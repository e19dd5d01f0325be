import { access } from 'node:fs/promises'
import { FedunifyError, systemCodeOf } from '../../errors.ts'
import type { FolderLock } from './lock.ts'

const EXISTS_HINT = 'go on with it by --resume, name another with --run-id, or remove it'

/**
 * Gives a whole folder its name, or the next that is free. Of several processes that want one name, one gets it: a
 * folder with something in it is not renamed over.
 * @param another whether another name is taken if there is something of this one: `path-2`, `path-3`, …
 * @returns the name
 */
export async function place(lock: FolderLock, path: string, another: boolean): Promise<string> {
  for (let i = 1; ; i++) {
    const name = i === 1 ? path : `${path}-${i}`
    if (!(await exists(name))) {
      try {
        await lock.move(name)
        return name
      } catch (error) {
        if (!(await exists(name))) throw error
      }
    }
    if (!another) throw new FedunifyError('E_RUN_EXISTS', `${path} exists already`, EXISTS_HINT)
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false
    throw error
  }
}
