import pMap from 'p-map'
import { FedunifyError } from '../../errors.ts'
import { kindOf } from '../../system/files.ts'
import { runPath } from '../latest.ts'
import { readManifest } from '../manifest.ts'
import { findRuns, NAME_HINT } from './find-runs.ts'

/**
 * Of the runs that a name means, the one that is running, or else the one that began last.
 * @throws FedunifyError (data) if there is none
 */
export async function newestRun(named: string): Promise<string> {
  const path = await runPath(named)
  return await newestOf((await kindOf(path)) === 'none' ? [] : await findRuns(path, () => {}), named)
}

/**
 * Of run folders, the one that is running, or else the one that began last.
 * @param named what the user named
 * @throws FedunifyError (data) if there is none
 */
export async function newestOf(paths: readonly string[], named: string): Promise<string> {
  const runs = await pMap(
    paths,
    async (path) => {
      // One that cannot be read is not the one that is meant.
      const manifest = await readManifest(path).catch(() => undefined)
      return manifest && { path, running: Number(manifest.status === 'running'), started: manifest.started }
    },
    { concurrency: 16 },
  )
  const [newest] = runs
    .filter((run) => run !== undefined)
    .sort((a, b) => b.running - a.running || (a.started < b.started ? 1 : -1))
  if (newest) return newest.path
  throw new FedunifyError('E_RUN_NOT_FOUND', `${named}: no run there`, NAME_HINT)
}
