import { FedunifyError } from '../../errors.ts'
import { dataSize } from '../../format.ts'
import { shellWord } from '../../system/shell-word.ts'
import { type Listing, listFolder } from '../idx-folder.ts'
import { downloadSize, type FetchOptions, fetchFashionMnist, folderFor, type Tried } from './fetch.ts'
import type { IdxName } from './known-files.ts'
import { isOffline, type Places, placesOf } from './places.ts'
import { replaceHint } from './verify.ts'

export interface LocateOptions extends Omit<FetchOptions, 'force' | 'into'> {
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
 * Finds the folder that has the four files of Fashion-MNIST: the one given; else the first of `findFolder`; else the
 * cache, after fetching into it. Content is not checked here.
 * @throws FedunifyError `data` if files are missing from the given folder, or nothing could be fetched
 * @throws the signal's reason if it was aborted
 */
export async function locateFashionMnist(options: LocateOptions = {}): Promise<Located> {
  if (options.dir !== undefined) return locateIn(options.dir, GIVEN_HINT)
  const looked = await findFolder(placesOf(options))
  if ('dir' in looked) return looked
  const { dir } = await fetchFashionMnist(options, looked.tried)
  return locateIn(dir, replaceHint(dir))
}

/** The files, or the folders that lack some. */
type Looked = Located | { readonly tried: readonly Tried[] }

/** The first that has all four files: the project's folder, the cache, the system's. */
export async function findFolder({ project, cache, system }: Places): Promise<Looked> {
  const tried: Tried[] = []
  for (const dir of [project, cache, system]) {
    const listing = await listFolder(dir)
    if (!listing.lack) return located(dir, listing, dir === system ? SYSTEM_HINT : replaceHint(dir))
    tried.push({ source: dir, reason: listing.lack })
  }
  return { tried }
}

const SYSTEM_HINT = 'reinstall the package that put it there, or name another folder with --data DIR'

/** What a run would fetch before it begins, in words; undefined if it would fetch nothing, or must not. */
export async function wouldFetch(options: LocateOptions = {}): Promise<string | undefined> {
  const places = placesOf(options)
  if (options.dir !== undefined || isOffline(options) || 'dir' in (await findFolder(places))) return undefined
  const dir = await folderFor(places)
  const size = dataSize(downloadSize((await listFolder(dir)).missing, places))
  return `Fashion-MNIST is not on this machine: a run fetches it (${size} from ${places.mirrors[0]} into ${dir})`
}

const GIVEN_HINT = 'the folder is not the original Fashion-MNIST: for other IDX files set dataset to idx'

/**
 * The four IDX files of a folder.
 * @param hint what to do if one of them turns out wrong
 * @throws FedunifyError `data` naming the folder and the missing files
 */
export async function locateIn(dir: string, hint: string): Promise<Located> {
  const listing = await listFolder(dir)
  if (listing.lack) {
    const advice = `the folder must hold the four files, gzipped or not; for Fashion-MNIST: fedunify data fetch ${shellWord(dir)}`
    throw new FedunifyError('E_DATASET_MISSING', `data folder ${dir}: ${listing.lack}`, advice)
  }
  return located(dir, listing, hint)
}

/** @param listing a complete one */
const located = (dir: string, { found }: Listing, hint: string): Located => ({
  dir,
  files: found as Record<IdxName, string>,
  hint,
})
