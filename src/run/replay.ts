import { PACES } from '../algorithm/pace/registry.ts'
import { FedunifyError } from '../errors.ts'
import { lastRound } from '../federation/schedule.ts'
import { make } from '../parts.ts'
import { readOwnCheckpoint } from '../runs/checkpoint.ts'
import { readManifest } from '../runs/manifest.ts'
import { readArrivals } from '../runs/read/read-arrivals.ts'
import { assertUntouched } from '../runs/read/verify.ts'
import { assertSameArrivals } from '../runs/same-run.ts'
import { arrivalsTable } from '../runs/tables.ts'
import type { Runnable } from './participants.ts'

/**
 * A run in which models arrive in the order that another run has recorded: it comes to the same bits, wherever that one
 * had its owners.
 * @param dir of that run
 * @throws FedunifyError (usage) if it had another experiment, other owners or images, or too few versions; (data) if its
 *   record was changed
 */
export async function replayOf(dir: string, run: Runnable): Promise<Runnable> {
  const { experiment, description } = run
  const pace = experiment.pace && make(PACES, experiment.pace)
  if (!pace) {
    const message = 'this experiment waits for all owners in each round: there is no order of arrivals to replay'
    throw new FedunifyError('E_CONFLICT', message, 'choose a pace, for example fedasync, or leave out --replay')
  }
  const manifest = await readManifest(dir)
  assertSameArrivals(dir, manifest, description)
  const saved = await readOwnCheckpoint(dir, manifest)
  await assertUntouched(dir, manifest, saved, (file) => file !== arrivalsTable.file)
  const replayed = await readArrivals(dir, manifest.files ?? saved?.files ?? {})
  const versions = Math.floor(replayed.length / pace.buffer)
  if (versions < lastRound(experiment) && manifest.reason !== 'stop-at') {
    const message = `${dir} has recorded the arrivals of ${versions} of ${lastRound(experiment)} rounds`
    const hint = versions === 0 ? 'replay another run' : `replay as many: --stop-after ${versions}`
    throw new FedunifyError('E_CONFLICT', message, hint)
  }
  const { config, started } = manifest
  return { ...run, replayed, description: { ...description, arrivals: `those of ${config.name}/${started}` } }
}
