import { join } from 'node:path'
import { makeAlgorithm } from '../algorithm/make-algorithm.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import { type FederationEvent, failedEvent } from '../federation/events.ts'
import { assertNoLink } from '../runs/write/growing-file.ts'
import { RunFolder } from '../runs/write/run-folder.ts'
import { openLocally, type Participants } from './participants.ts'
import { planRun } from './plan-run.ts'
import type { PreparedRun } from './prepare.ts'
import { type Sink, Sinks } from './sinks.ts'
import { startFederation } from './start-federation.ts'

export interface Execution {
  readonly path: string
  /** Whether the folder is an unfinished run's, to go on with. */
  readonly resume: boolean
  readonly signal?: AbortSignal | undefined
  /** Who takes part; default: all owners in this process. */
  open?(run: PreparedRun, signal: AbortSignal): Promise<Participants>
  /** Listen to the events once they are in the run folder. */
  readonly sinks: readonly Sink[]
  /** Told of what takes a while before the rounds, and of a sink that failed. */
  note?(line: string): void
  /** Called once the folder stands, with the rounds that are done. */
  ready?(done: number): void
}

/**
 * Runs a prepared experiment, with its results in the folder `path`. The run folder is the one sink that a run cannot do
 * without; however the run ends, its manifest and the other sinks are told.
 */
export async function execute(run: PreparedRun, execution: Execution): Promise<void> {
  const { path, resume, open = openLocally, note, ready, signal = new AbortController().signal } = execution
  const sinks = new Sinks(execution.sinks, note)
  let participants: Participants | undefined
  try {
    await assertNoLink(join(run.experiment.out, run.experiment.name))
    // Their threads start while the folder is made.
    participants = await open(run, signal)
    const algorithm = makeAlgorithm(run.experiment)
    const plan = planRun(run, algorithm)
    const folder = await (resume ? RunFolder.resume(path, plan, { signal, note }) : RunFolder.create(path, plan))
    ready?.(folder.saved.round)
    await record(folder, startFederation(run, algorithm, participants, folder.saved, signal), sinks)
  } catch (error) {
    await sinks.event(failedEvent(error))
    throw error
  } finally {
    await sinks.close()
    await participants?.close()
  }
}

/** Writes events into the run folder as they come, and passes each on once it is written. */
async function record(folder: RunFolder, events: AsyncIterable<FederationEvent>, sinks: Sinks): Promise<void> {
  let reason = 'the events ended'
  try {
    for await (const event of events) {
      await folder.record(event)
      if (event.type === 'finished') reason = event.reason
      await sinks.event(event)
    }
  } catch (error) {
    const interrupted = error instanceof FedunifyError && error.kind === 'interrupted'
    // The error that ended the run is the one to tell, not that of a disk which then takes nothing more.
    await folder.record(failedEvent(error)).catch(() => {})
    await folder.close(interrupted ? 'interrupted' : 'failed', messageOf(error)).catch(() => {})
    throw error
  }
  await folder.close('finished', reason)
}
