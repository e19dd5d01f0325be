import type { Experiment } from '../config/schema.ts'
import { readCheckpoint } from '../runs/checkpoint.ts'
import { readManifest } from '../runs/manifest.ts'
import { assertSameRun } from '../runs/same-run.ts'
import { noCheckpoint, savedState } from '../runs/write/saved-state.ts'
import { kindOf } from '../system/files.ts'
import type { Runnable } from './participants.ts'
import { planRun } from './plan-run.ts'
import { algorithmOf, beginning } from './start-federation.ts'

/**
 * How many rounds of an unfinished run are done, if it can go on as the prepared run.
 * @throws FedunifyError (usage) if that is another run; (data) if its files do not belong together
 */
export async function resumableRounds(dir: string, run: Runnable): Promise<number> {
  const plan = planRun(run, beginning(run, algorithmOf(run)).state)
  const manifest = await readManifest(dir)
  assertSameRun(dir, manifest, plan.description)
  return (await savedState(dir, manifest, plan)).round
}

/**
 * The config of a run folder, with the folder of the dataset as its checkpoint knows it. If that is not there any more,
 * or is not known, the config's own counts.
 * @throws FedunifyError (data) if the checkpoint is missing or damaged
 */
export async function withKeptData(dir: string, experiment: Experiment): Promise<Experiment> {
  const { format, rounds } = await readManifest(dir)
  const saved = await readCheckpoint(dir, format === undefined ? 'older' : undefined)
  if (!saved) throw noCheckpoint(dir, rounds)
  const { data } = saved
  return data !== undefined && (await kindOf(data)) === 'folder' ? { ...experiment, data } : experiment
}
