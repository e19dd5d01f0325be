import { join } from 'node:path'
import { FedunifyError, messageOf } from '../errors.ts'
import { type FederationEvent, failedEvent, type RunEvent } from '../federation/events.ts'
import { NOTHING_DONE } from '../runs/checkpoint.ts'
import { readManifest } from '../runs/manifest.ts'
import { readArrivals } from '../runs/read/read-arrivals.ts'
import { assertNoLink } from '../runs/write/growing-file.ts'
import { RunFolder } from '../runs/write/run-folder.ts'
import { UNFLUSHED, unflushedNow } from '../system/flush.ts'
import { assertRoom, keptBytes } from './disk-need.ts'
import type { Participants, Runnable } from './participants.ts'
import { planRun } from './plan-run.ts'
import { type Sink, Sinks } from './sinks.ts'
import { algorithmOf, beginning, startFederation } from './start-federation.ts'

export interface Execution {
  /** The run folder to write; without it nothing is written. */
  readonly path?: string | undefined
  /** Whether a new run takes another name, `path-2`, if there is something of this one. */
  readonly another?: boolean
  /** Whether the folder is an unfinished run's, to go on with. */
  readonly resume?: boolean
  readonly signal?: AbortSignal | undefined
  /** Listen to the events, each once it is in the run folder. */
  readonly sinks?: readonly Sink[]
  /** Told of what takes a while before the rounds, and of a sink that failed. */
  note?(line: string): void
  /** Called once the folder stands, with the rounds that are done, and its path if there is one. */
  ready?(done: number, path: string | undefined): void | Promise<void>
}

/**
 * Runs an experiment. Its events come as they happen, each once it is in the run folder and every sink has it;
 * the run goes on when the next one is asked for. However it ends, the folder's manifest and the sinks are told: a run
 * whose events are not read to the end is interrupted, and one that fails ends with a `failed` event before the error.
 *
 * @throws FedunifyError as the run does
 */
export async function* execute(run: Runnable, execution: Execution = {}): AsyncGenerator<RunEvent> {
  const { path, resume, another, note, ready, signal: given } = execution
  // One of its own: runs at the same time would be so many listeners of one signal.
  const signal = AbortSignal.any(given ? [given] : [])
  const sinks = new Sinks(execution.sinks ?? [], note)
  let participants: Participants | undefined
  try {
    if (path !== undefined) {
      await assertNoLink(join(run.experiment.out, run.experiment.name))
      await assertRoom(path, keptBytes(run.experiment, run.model, resume ? (await readManifest(path)).rounds : 0))
    }
    // Their threads start while the folder is made.
    participants = await run.open(signal)
    const algorithm = algorithmOf(run)
    const begun = beginning(run, algorithm)
    const plan = planRun(run, begun.state)
    const openFolder = (at: string) =>
      resume ? RunFolder.resume(at, plan, { signal, note }) : RunFolder.create(at, plan, { another })
    const folder = path === undefined ? undefined : await openFolder(path)
    const saved = folder?.saved ?? NOTHING_DONE
    // The folder's first files were flushed, or not.
    if (folder && note && unflushedNow()) note(`note: ${folder.path}: ${UNFLUSHED}`)
    await ready?.(saved.round, folder?.path)
    const arrived = folder && run.experiment.pace ? await readArrivals(folder.path, saved.files) : []
    const events = startFederation(
      run,
      algorithm,
      begun,
      participants,
      { saved, arrived, lost: folder?.lost ?? 0 },
      signal,
    )
    yield* recorded(events, { folder, sinks, signal })
  } catch (thrown) {
    const error = causeOf(thrown, signal)
    const failed = failedEvent(error)
    await sinks.event(failed)
    yield failed
    throw error
  } finally {
    await sinks.close()
    await participants?.close()
  }
}

/** Runs to the end, for whoever listens through sinks alone. */
export async function executeToEnd(run: Runnable, execution: Execution): Promise<void> {
  const events = execute(run, execution)
  while (!(await events.next()).done);
}

/** Events, each once it is in the run folder and every sink has it; the folder is closed after the last. */
async function* recorded(
  events: AsyncIterable<FederationEvent>,
  { folder, sinks, signal }: { folder: RunFolder | undefined; sinks: Sinks; signal: AbortSignal },
): AsyncGenerator<FederationEvent> {
  let ending: Parameters<RunFolder['close']> = ['interrupted', 'its events were not read to the end']
  try {
    for await (const event of events) {
      await folder?.record(event)
      if (event.type === 'finished') ending = ['finished', event.reason]
      const told = folder ? inFolder(event, folder.path) : event
      await sinks.event(told)
      yield told
    }
  } catch (thrown) {
    const error = causeOf(thrown, signal)
    const interrupted = error instanceof FedunifyError && error.kind === 'interrupted'
    ending = [interrupted ? 'interrupted' : 'failed', messageOf(error)]
    // The error that ended the run is the one to tell, not that of a disk which then takes nothing more.
    await folder?.record(failedEvent(error)).catch(() => {})
    throw error
  } finally {
    const closing = folder?.close(...ending)
    await (ending[0] === 'finished' ? closing : closing?.catch(() => {}))
  }
}

/** The first and the last event of a run, with its folder, for whoever listens. */
export const inFolder = <E extends { readonly type: string }>(event: E, folder: string): E =>
  event.type === 'started' || event.type === 'finished' ? { ...event, folder } : event

/** What ended a run. A signal may be aborted with any reason, or with none; then that is what ended it. */
function causeOf(error: unknown, signal: AbortSignal): unknown {
  if (!signal.aborted || error instanceof FedunifyError) return error
  const hint = 'every finished round is in its run folder, if it has one'
  return new FedunifyError('E_INTERRUPTED', messageOf(signal.reason), hint, { cause: signal.reason })
}
