import { join } from 'node:path'
import { expandFile, type PlannedRun } from '../config/expand.ts'
import { fileName, STDIN } from '../config/read.ts'
import { FedunifyError } from '../errors.ts'
import { runState } from '../runs/read/run-state.ts'
import type { Status } from '../runs/run-description.ts'
import { kindOf } from '../system/files.ts'
import { matchGlob } from '../system/glob.ts'

/** A run of a batch, with its folder and what that holds already. */
export interface BatchRun extends PlannedRun {
  readonly path: string
  readonly state: Status | 'none'
}

/** The experiment files that are meant by a glob, a name, or a folder that holds them; standard input by `-`. */
async function filesOf(named: string): Promise<string[]> {
  if (named === STDIN) return [STDIN]
  const isFolder = (await kindOf(named)) === 'folder'
  const matches = isFolder
    ? (await matchGlob('*.{yaml,yml}', { cwd: named })).map((file) => join(named, file))
    : await matchGlob(named)
  if (matches.length > 0) return matches
  const why = isFolder ? 'has no experiment file (*.yaml)' : 'matches no file'
  throw new FedunifyError('E_CONFIG_FILE', `${named}: ${why}`, "for example: fedunify batch 'experiments/*.yaml'")
}

/**
 * All runs of the experiment files that match, in the order of their names.
 * @throws FedunifyError (usage) if a glob matches nothing, or two runs would write to one folder
 */
export async function planBatch(
  globs: readonly string[],
  set: readonly string[],
  signal?: AbortSignal,
): Promise<BatchRun[]> {
  const files = new Set<string>()
  for (const glob of globs) for (const file of await filesOf(glob)) files.add(file)
  const planned: PlannedRun[] = []
  for (const file of files) planned.push(...(await expandFile(file, set, signal)))

  const taken = new Map<string, PlannedRun>()
  const runs: BatchRun[] = []
  for (const run of planned) {
    const path = join(run.experiment.out, run.experiment.name, run.id)
    const other = taken.get(path)
    if (other) {
      const [one, two] = [fileName(other.file), fileName(run.file)]
      const who = one === two ? `two runs of ${one}` : `${one} and ${two}`
      throw new FedunifyError(
        'E_CONFLICT',
        `${who} would write to one folder, ${path}`,
        'they are the same run: drop one, or give it another name',
      )
    }
    taken.set(path, run)
    runs.push({ ...run, path, state: await runState(path) })
  }
  return runs
}
