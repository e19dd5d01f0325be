import { join } from 'node:path'
import { chosenRuns } from '../config/choose-run.ts'
import { expandFile, type PlannedRun } from '../config/expand.ts'
import { fileName } from '../config/read.ts'
import { fileSource } from '../config/source.ts'
import { FedunifyError } from '../errors.ts'
import { runState } from '../runs/read/run-state.ts'
import type { Status } from '../runs/run-description.ts'
import { findExperiments } from './find-files.ts'
import { assertOneStudy } from './study.ts'

/** A run of a batch, with its folder and what that holds already. */
export interface BatchRun extends PlannedRun {
  readonly path: string
  readonly state: Status | 'none'
}

interface Request {
  readonly signal?: AbortSignal | undefined
  /** Flags by key, as for a single experiment; `seeds` too. */
  readonly flags?: Readonly<Record<string, string>>
  /** Told of files that are passed over. */
  note?(line: string): void
}

/**
 * All runs of the experiment files that match, in the order of their names.
 * @throws FedunifyError (usage) if a glob matches nothing, two runs would write to one folder, or two files would have
 *   their runs in one folder that nobody named
 */
export async function planBatch(
  globs: readonly string[],
  set: readonly string[],
  { signal, flags, note }: Request = {},
): Promise<BatchRun[]> {
  const files = new Set<string>()
  for (const glob of globs) for (const file of await findExperiments(glob, note)) files.add(file)
  const planned: PlannedRun[] = []
  for (const file of files) planned.push(...(await expandFile(file, set, { signal, flags })))
  return await placed(planned)
}

/**
 * The runs that a command line asks for by itself, of an experiment file or of none; as in a single run, a seed that is
 * given is the seed.
 * @throws FedunifyError (usage) as planBatch does
 */
export async function planSweep(
  file: string | undefined,
  set: readonly string[],
  { signal, flags }: Request,
): Promise<BatchRun[]> {
  const written = file === undefined ? undefined : await fileSource(file, { signal })
  return await placed(await chosenRuns(written, file, { set, ...(flags && { flags }) }))
}

async function placed(planned: readonly PlannedRun[]): Promise<BatchRun[]> {
  const taken = new Map<string, PlannedRun>()
  const runs: BatchRun[] = []
  for (const run of planned) {
    const path = join(run.experiment.out, run.experiment.name, run.id)
    const other = taken.get(path)
    if (other) {
      const [one, two] = [nameOf(other), nameOf(run)]
      const who = one === two ? `two runs of ${one}` : `${one} and ${two}`
      throw new FedunifyError(
        'E_CONFLICT',
        `${who} would write to one folder, ${path}`,
        'they are the same run: drop one, or give it another name',
      )
    }
    taken.set(path, run)
    runs.push({ ...run, path, state: await runState(path) })
  }
  await assertOneStudy(runs)
  return runs
}

const nameOf = ({ file }: PlannedRun) => (file === undefined ? 'the command line' : fileName(file))
