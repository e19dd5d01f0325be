import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Does something in a new folder, and removes it. */
export async function inFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), 'fedunify-bench-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
