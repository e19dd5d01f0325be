import { access } from 'node:fs/promises'
import { readOwnCheckpoint } from '../checkpoint.ts'
import { readManifest } from '../manifest.ts'
import type { Status } from '../run-description.ts'

/**
 * What a run folder holds so far; `none` if there is no such folder. One with no readable manifest counts as
 * failed: resuming it says what is wrong.
 */
export async function runState(dir: string): Promise<Status | 'none'> {
  try {
    await access(dir)
  } catch {
    return 'none'
  }
  return readManifest(dir).then(
    ({ status }) => status,
    () => 'failed',
  )
}

/** Complete rounds of a run that did not finish; 0 if there is no usable checkpoint. */
export async function roundsDone(dir: string): Promise<number> {
  try {
    return (await readOwnCheckpoint(dir, await readManifest(dir)))?.round ?? 0
  } catch {
    return 0
  }
}
