import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ExperimentRequest, loadExperiment } from '../config/load.ts'
import type { Experiment } from '../config/schema.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import { summaryText } from '../report/terminal/run-text.ts'
import { inFolder } from '../run/execute.ts'
import { withKeptData } from '../run/resume.ts'
import { readManifest } from '../runs/manifest.ts'
import { loadRun } from '../runs/read/load-run.ts'
import { CONFIG } from '../runs/run-files.ts'
import { assertSameConfig, goesOn } from '../runs/same-run.ts'
import { EVENTS } from '../runs/tables.ts'
import { isPlainFile } from '../system/files.ts'
import { shellWord } from '../system/shell-word.ts'
import { oneLine } from '../visible.ts'
import { colorsOf, type Io } from './io.ts'

/**
 * The experiment of a run that is to go on, with what its folder says; undefined if it has finished and nothing more is
 * asked of it.
 * @param asked whether anything is given beside the folder
 * @throws FedunifyError (usage) if it has finished as another run; (data) if its config is missing
 */
export async function experimentToGoOn(
  dir: string,
  request: ExperimentRequest,
  asked: boolean,
): Promise<Experiment | undefined> {
  const manifest = await readManifest(dir)
  const stopped = manifest.reason === 'stop-after'
  // Where it was told to stop it has stopped: now it is to go on, or to a round that is named.
  const going = stopped ? { ...request, set: ['stop-after=null', ...(request.set ?? [])] } : request
  const finished = manifest.status === 'finished'
  if (finished && !asked && !stopped) return undefined
  // A run folder's config is an experiment file; what is given besides must agree with it.
  if (!finished && request.file === undefined) await assertConfig(dir)
  // Read once: it may be a pipe.
  const experiment = await loadExperiment(going)
  if (finished && !goesOn(manifest, experiment)) {
    assertSameConfig(dir, manifest.config, experiment)
    return undefined
  }
  // It finds its data where it was, unless that is said to be elsewhere.
  return request.file === undefined && !given(request, 'data') ? await withKeptData(dir, experiment) : experiment
}

const given = ({ set = [], flags = {} }: ExperimentRequest, key: string): boolean =>
  key in flags || set.some((pair) => pair.startsWith(`${key}=`))

async function assertConfig(dir: string): Promise<void> {
  const file = join(dir, CONFIG)
  if (await isPlainFile(file)) return
  throw new FedunifyError(
    'E_FILE_MISSING',
    `${file}: no such file`,
    'restore it, or name the experiment file before --resume',
  )
}

/** What a run has left that is not to go on: it has finished. */
export async function showFinished(
  dir: string,
  { json, quiet }: { readonly json?: boolean; readonly quiet?: boolean },
  io: Io,
): Promise<void> {
  if (!quiet) io.err(`${oneLine(dir)} has finished already\n`)
  // Its files are what was written, or this says which is not.
  const run = await loadRun(dir)
  if (!json) return io.say(await summaryText(run, colorsOf(io), io.width))
  const events = (await readFile(join(dir, EVENTS), 'utf8')).trimEnd().split('\n')
  for (const line of events) io.out(`${/^\{"type":"(started|finished)"/.test(line) ? withFolder(line, dir) : line}\n`)
}

const withFolder = (line: string, dir: string) => JSON.stringify(inFolder(JSON.parse(line), dir))

/** The experiment of a run whose arrivals are repeated, for whoever names no file; its data is where that had it. */
export async function experimentToReplay(dir: string, request: ExperimentRequest): Promise<Experiment> {
  const experiment = await loadExperiment({ ...request, run: dir })
  return given(request, 'data') ? experiment : await withKeptData(dir, experiment)
}

/** @param replay the run whose arrivals it repeats */
export function interruption(error: unknown, path: string, replay: string | undefined): FedunifyError {
  const more = replay === undefined ? '' : ` --replay ${shellWord(replay)}`
  const hint = `go on with: fedunify run --resume ${shellWord(path)}${more}`
  return new FedunifyError('E_INTERRUPTED', messageOf(error), hint, { cause: error })
}
