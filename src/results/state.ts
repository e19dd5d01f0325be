import { access } from 'node:fs/promises'
import { readManifest, type Status } from './manifest.ts'

/** What a run folder holds so far; `none` where there is no such folder. */
export async function runState(dir: string): Promise<Status | 'none'> {
  try {
    await access(dir)
  } catch {
    return 'none'
  }
  return (await readManifest(dir)).status
}
