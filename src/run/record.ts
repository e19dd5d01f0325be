import { FedunifyError, messageOf } from '../errors.ts'
import type { FederationEvent } from '../federation/events.ts'
import type { RunDirectory } from '../runs/write/run-folder.ts'

/**
 * Writes a run's events into its folder as they come, and passes each on once it is written.
 * Whatever ends the run, the folder is closed and its manifest says why.
 */
export async function recordRun(
  directory: RunDirectory,
  events: AsyncIterable<FederationEvent>,
  listen: (event: FederationEvent) => void,
): Promise<void> {
  let reason = 'the events ended'
  try {
    for await (const event of events) {
      await directory.record(event)
      if (event.type === 'finished') reason = event.reason
      listen(event)
    }
  } catch (error) {
    const interrupted = error instanceof FedunifyError && error.kind === 'interrupted'
    // The error that ended the run is the one to tell, not that of a disk which then would not take the manifest.
    await directory.close(interrupted ? 'interrupted' : 'failed', messageOf(error)).catch(() => {})
    throw error
  }
  await directory.close('finished', reason)
}
