import type { FederationEvent } from '../federation/events.ts'
import type { PreparedRun } from '../federation/prepare.ts'
import { openLearner, startLocally } from '../federation/start.ts'
import { recordRun } from './record.ts'
import { RunDirectory } from './run-directory.ts'

export interface Execution {
  readonly path: string
  /** Whether the folder is an unfinished run's, to go on with. */
  readonly resume: boolean
  readonly signal: AbortSignal | undefined
  /** Called once the folder stands, with the rounds that are done. */
  ready?(done: number): void
  listen(event: FederationEvent): void
}

/** Runs a prepared experiment, with its results in the folder `path`. */
export async function execute(run: PreparedRun, { path, resume, signal, ready, listen }: Execution): Promise<void> {
  // Its threads start while the folder is made.
  const learner = await openLearner(run, run.experiment.workers, signal)
  try {
    const directory = await (resume ? RunDirectory.resume(path, run) : RunDirectory.create(path, run))
    ready?.(directory.saved?.round ?? 0)
    await recordRun(directory, startLocally(run, learner, directory.saved), listen)
  } finally {
    await learner.close()
  }
}
