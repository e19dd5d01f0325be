import { makeAlgorithm } from '../algorithm/make-algorithm.ts'
import { readManifest } from '../runs/manifest.ts'
import { assertSameRun } from '../runs/same-run.ts'
import { savedState } from '../runs/write/saved-state.ts'
import type { Runnable } from './participants.ts'
import { planRun } from './plan-run.ts'
import { beginning } from './start-federation.ts'

/**
 * How many rounds of an unfinished run are done, if it can go on as the prepared run.
 * @throws FedunifyError (usage) if that is another run; (data) if its files do not belong together
 */
export async function resumableRounds(dir: string, run: Runnable): Promise<number> {
  const plan = planRun(run, beginning(run, makeAlgorithm(run.experiment)).state)
  const manifest = await readManifest(dir)
  assertSameRun(dir, manifest, plan.description)
  return (await savedState(dir, manifest, plan)).round
}
