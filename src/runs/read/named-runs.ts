import { resolve } from 'node:path'
import pMap from 'p-map'
import { FedunifyError } from '../../errors.ts'
import { findRuns, NAME_HINT } from './find-runs.ts'
import { type LoadedRun, loadRun } from './load-run.ts'

/** A run that was named, or what is in its place: an error, or the reason why there is nothing of that name. */
export type NamedRun<Run = LoadedRun> =
  | { readonly path: string; readonly run: Run }
  | { readonly path: string; readonly error: FedunifyError }
  | { readonly path: string; readonly missing: string }

/** How a run folder is read, and how many at the same time. */
export interface Reading<Run> {
  readonly read: (path: string) => Promise<Run>
  readonly concurrency: number
}

/** Whole, one after the other: a run may be large. */
const WHOLE: Reading<LoadedRun> = { read: loadRun, concurrency: 1 }

/**
 * What each of several names means: a run folder, a folder that holds some, a glob of these, a manifest.json. Each run
 * is loaded once: if two names mean it, both have the same object. What cannot be found, looked into, read or trusted
 * is in its place, so that the caller can go on past it.
 * @returns a list for each name
 * @throws FedunifyError (usage) if a glob matches very much
 */
export const namedRuns = (names: readonly string[]): Promise<NamedRun[][]> => namedRunsBy(names, WHOLE)

/** The same, read in another way. */
export async function namedRunsBy<Run>(
  names: readonly string[],
  { read, concurrency }: Reading<Run>,
): Promise<NamedRun<Run>[][]> {
  const loaded = new Map<string, Promise<NamedRun<Run>>>()
  const load = (path: string): Promise<NamedRun<Run>> => {
    const known = loaded.get(resolve(path))
    if (known) return known
    const one = attempt(path, async () => ({ path, run: await read(path) }))
    loaded.set(resolve(path), one)
    return one
  }
  const found: NamedRun<Run>[][] = []
  for (const name of names) {
    const own: NamedRun<Run>[] = []
    const paths = await attempt(name, () => findRuns(name, (error) => own.push({ path: name, error })))
    if (!Array.isArray(paths)) own.push(paths)
    else if (paths.length === 0 && own.length === 0) own.push({ path: name, missing: missingReason(name) })
    else own.push(...(await pMap(paths, load, { concurrency })))
    found.push(own)
  }
  return found
}

/**
 * The runs of one name, for those who need all of them.
 * @throws FedunifyError (data) if one of them is not there or cannot be read
 */
export function allRuns<Run>(found: readonly NamedRun<Run>[]): Run[] {
  return found.map((one) => {
    if ('run' in one) return one.run
    throw 'error' in one ? one.error : new FedunifyError('E_RUN_NOT_FOUND', `${one.path}: ${one.missing}`, NAME_HINT)
  })
}

const missingReason = (name: string) => (/[*?{[]/.test(name) ? 'the glob matches no run' : 'no such folder')

/** What `read` gives, or an entry with the error of a file that cannot be read or trusted. */
async function attempt<T>(path: string, read: () => Promise<T>): Promise<T | { path: string; error: FedunifyError }> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof FedunifyError) || error.kind !== 'data') throw error
    return { path, error }
  }
}
