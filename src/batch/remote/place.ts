import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { configHash } from '../../config/hash.ts'
import { FedunifyError } from '../../errors.ts'
import { loadRun } from '../../runs/read/load-run.ts'
import { assertNoLink, writeError } from '../../runs/write/growing-file.ts'
import { beside, kindOf, makeFolders, renameFile } from '../../system/files.ts'
import { syncFolder } from '../../system/flush.ts'
import { exchange } from '../exchange.ts'
import type { BatchRun } from '../plan.ts'
import { fetchFiles } from './files.ts'
import type { Result } from './messages.ts'
import type { Queue } from './queue.ts'

/**
 * Puts the folder of a run that ended elsewhere in its place, whole and verified. An unfinished one that is there gives
 * way; what is in that beside the run's own files is kept.
 * @returns false if the broker has lost files of it
 * @throws FedunifyError (data) if it is damaged or another run's; (usage) if the folder is in use
 */
export async function placeRun(queue: Queue, run: BatchRun, result: Result, signal: AbortSignal): Promise<boolean> {
  const { path, experiment } = run
  const outer = dirname(path)
  const draft = beside(path)
  try {
    await assertNoLink(join(experiment.out, experiment.name))
    await makeFolders(outer)
    if (!(await fetchFiles(queue, result.key, result, draft, signal))) return false
    await verify(draft, run, result)
    if ((await kindOf(path)) !== 'none') await exchange(draft, path)
    else {
      await renameFile(draft, path)
      await syncFolder(outer)
    }
    return true
  } catch (error) {
    throw error instanceof FedunifyError ? error : writeError(path, error)
  } finally {
    await rm(draft, { recursive: true, force: true }).catch(() => {})
  }
}

async function verify(draft: string, { path, experiment }: BatchRun, result: Result): Promise<void> {
  const loaded = await loadRun(draft).catch((error: unknown) => {
    if (!(error instanceof FedunifyError)) throw error
    throw new FedunifyError(error.code, error.message.replaceAll(draft, path), error.hint, { cause: error })
  })
  const same = loaded.manifest.config_hash === configHash(experiment)
  if (same && (result.error !== null || loaded.finished)) return
  const what = same ? 'came unfinished' : 'came as another run'
  throw new FedunifyError('E_RUN_DAMAGED', `${path}: ${what} from ${result.worker}`, 'start the batch again')
}
