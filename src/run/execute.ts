import { join } from 'node:path'
import type { FederationEvent } from '../federation/events.ts'
import { openLearner, startLocally } from '../federation/local/start.ts'
import { assertNoLink } from '../runs/write/growing-file.ts'
import { RunDirectory } from '../runs/write/run-folder.ts'
import type { PreparedRun } from './prepare.ts'
import { recordRun } from './record.ts'

export interface Execution {
  readonly path: string
  /** Whether the folder is an unfinished run's, to go on with. */
  readonly resume: boolean
  readonly signal: AbortSignal | undefined
  /** Told of what takes a while before the rounds. */
  note?(line: string): void
  /** Called once the folder stands, with the rounds that are done. */
  ready?(done: number): void
  listen(event: FederationEvent): void
}

/** Runs a prepared experiment, with its results in the folder `path`. */
export async function execute(
  run: PreparedRun,
  { path, resume, signal, note, ready, listen }: Execution,
): Promise<void> {
  await assertNoLink(join(run.experiment.out, run.experiment.name))
  // Its threads start while the folder is made.
  const learner = await openLearner(run, run.experiment.workers, signal)
  try {
    const directory = await (resume ? RunDirectory.resume(path, run, { signal, note }) : RunDirectory.create(path, run))
    ready?.(directory.saved.round)
    await recordRun(directory, startLocally(run, learner, directory.saved), listen)
  } finally {
    await learner.close()
  }
}
