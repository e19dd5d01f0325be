import { FedunifyError } from '../../errors.ts'
import { listFolder } from '../idx-folder.ts'
import { type FetchOptions, fetchFashionMnist, PLACES, type Tried } from './fetch.ts'
import type { IdxName } from './known-files.ts'
import { CACHE_HINT } from './verify.ts'

export interface LocateOptions extends Omit<FetchOptions, 'force'> {
  /** The folder given with --data: then no other is looked at. */
  readonly dir?: string | undefined
}

export interface Located {
  readonly dir: string
  /** The path of each of the four files. */
  readonly files: Readonly<Record<IdxName, string>>
  /** What to do if one of them turns out wrong. */
  readonly hint: string
}

/**
 * Finds the folder that has the four files of Fashion-MNIST: the one given; else the cache below the current
 * folder; else the system's; else the cache, after fetching into it. Content is not checked here.
 * @throws FedunifyError `data` if files are missing from the given folder, or nothing could be fetched
 * @throws the signal's reason if it was aborted
 */
export async function locateFashionMnist(options: LocateOptions = {}): Promise<Located> {
  if (options.dir !== undefined) return locateIn(options.dir, GIVEN_HINT)
  const { cache, system } = { ...PLACES, ...options.places }
  const tried: Tried[] = []
  for (const [dir, hint] of [
    [cache, CACHE_HINT],
    [system, 'reinstall the package that put it there, or name another folder with --data DIR'],
  ] as const) {
    const { lack } = await listFolder(dir)
    if (!lack) return locateIn(dir, hint)
    tried.push({ source: dir, reason: lack })
  }
  const { dir } = await fetchFashionMnist(options, tried)
  return locateIn(dir, CACHE_HINT)
}

const GIVEN_HINT = 'the folder is not the original Fashion-MNIST: for other IDX files set dataset to idx'

/**
 * The four IDX files of a folder.
 * @param hint what to do if one of them turns out wrong
 * @throws FedunifyError `data` naming the folder and the missing files
 */
export async function locateIn(dir: string, hint: string): Promise<Located> {
  const { found, lack } = await listFolder(dir)
  if (lack) {
    const advice = 'the folder must hold the four files, gzipped or not; for Fashion-MNIST: fedunify data fetch'
    throw new FedunifyError('E_DATASET_MISSING', `data folder ${dir}: ${lack}`, advice)
  }
  return { dir, files: found as Record<IdxName, string>, hint }
}
