import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Experiment } from '../../config/schema.ts'
import { FedunifyError } from '../../errors.ts'
import { failedEvent } from '../../federation/events.ts'
import { executeToEnd } from '../../run/execute.ts'
import { inThisProcess } from '../../run/participants.ts'
import { notesOf, type PreparedRun, prepareRun } from '../../run/prepare.ts'
import type { Sink } from '../../run/sinks.ts'
import { readManifest } from '../../runs/manifest.ts'
import { roundsDone } from '../../runs/read/run-state.ts'
import { kindOf } from '../../system/files.ts'
import { fetchFiles, readRunFiles } from './files.ts'
import { type Hold, RunLost } from './hold.ts'
import { experimentOf } from './job.ts'
import type { Job } from './messages.ts'
import type { Queue } from './queue.ts'
import { Stop, Upload } from './upload.ts'

/** How long a worker that is stopped tries to hand over what it has done, in milliseconds. */
const PATIENCE = 20_000

/** What is this machine's own, whatever a job says. */
export interface Machine {
  readonly data: string | undefined
  /** Owners that train at the same time. */
  readonly workers: number
}

/** A run that this machine cannot go on with: another one may. */
export class NotHere extends Error {}

interface Task {
  readonly queue: Queue
  readonly job: Job
  readonly hold: Hold
  readonly machine: Machine
  /** A folder for it alone. */
  readonly dir: string
  /** Tells the batch how it goes. */
  tell(line: string): void
  /** What a run's events become as lines. */
  progress(tell: (line: string) => void): Sink
  readonly signal: AbortSignal
}

/**
 * Does a run, or what is left of it, with the code of every other run, and puts its folder on the broker: every few
 * seconds, at its end, and if this worker is stopped.
 * @returns the error that made it fail, which the batch is told; undefined if it finished
 * @throws NotHere, RunLost, or the signal's reason
 */
export async function workOn(task: Task): Promise<FedunifyError | undefined> {
  const { job, hold, dir } = task
  const path = join(dir, 'run')
  const stop = new Stop(task.signal)
  const upload = new Upload(hold, path, stop.signal, (error) => stop.end(error))
  try {
    await execute(task, path, upload, stop.signal)
    await upload.idle()
    await hold.finish(await readRunFiles(path), undefined, stop.signal)
    return undefined
  } catch (thrown) {
    await upload.idle()
    if (stop.cause !== undefined) throw stop.cause
    if (task.signal.aborted) {
      await handOver(hold, path)
      throw task.signal.reason
    }
    if (thrown instanceof NotHere || thrown instanceof RunLost) throw thrown
    const { code, message, hint } = failedEvent(thrown)
    const local = (text: string) => text.replaceAll(path, job.path)
    const error = new FedunifyError(code, local(message), hint && local(hint).split('\n'))
    await hold.finish(await readRunFiles(path), error, task.signal)
    return error
  }
}

async function execute(task: Task, path: string, upload: Upload, signal: AbortSignal): Promise<void> {
  const { queue, job, machine, dir, tell } = task
  const asked = await experimentOf(queue, job, dir, signal)
  const { owners, baseline } = asked
  const workers = Math.min(machine.workers, owners + (baseline === 'none' ? 0 : 1))
  const own: Experiment = { ...asked, workers, ...(machine.data !== undefined && { data: machine.data }) }
  const prepared = await prepareRun(own, { signal })
  for (const text of notesOf(prepared)) tell(text)
  const resume = await begin(task, path, prepared, signal)
  // The manifest has the data folder that was asked for: where this machine has the same images is its own business.
  await executeToEnd(inThisProcess(prepared, { ...asked, workers }), {
    path,
    resume,
    signal,
    note: tell,
    ready: (done) => tell(done > 0 ? `goes on after round ${done}` : 'begins'),
    sinks: [task.progress(tell), upload],
  })
}

/** Fetches what others have done of a run; whether there is something to go on from. */
async function begin(
  { queue, job, hold, tell }: Task,
  path: string,
  { engine }: PreparedRun,
  signal: AbortSignal,
): Promise<boolean> {
  const { set, files } = hold.begun
  if (set === null || files.length === 0) return false
  if (!(await fetchFiles(queue, job.key, { set, files }, path, signal))) {
    tell('the broker has lost what was done of this run')
    await rm(path, { recursive: true, force: true })
    return false
  }
  const { engine: was } = await readManifest(path)
  const text = (one: Pick<typeof was, 'name' | 'device' | 'version'>) => `${one.name} on ${one.device}, ${one.version}`
  if (text(was) !== text(engine)) throw new NotHere(`it was begun with ${text(was)}, this machine has ${text(engine)}`)
  return true
}

/** Leaves to another worker what is done. */
async function handOver(hold: Hold, path: string): Promise<void> {
  if ((await kindOf(path)) === 'none') return
  const round = await roundsDone(path)
  if (round === 0) return
  await hold.save(round, await readRunFiles(path), AbortSignal.timeout(PATIENCE)).catch(() => {})
}
