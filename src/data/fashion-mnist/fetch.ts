import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FedunifyError, messageOf } from '../../errors.ts'
import { sha256 } from '../../system/digest.ts'
import { unzip } from '../idx.ts'
import { listFolder, mismatch, prepareFolder, putFile, readContent } from '../idx-folder.ts'
import { type RunCommand, runCommand } from './command.ts'
import { DEBIAN_FOLDER, DEBIAN_PACKAGE, withDebianPackage } from './debian.ts'
import { download, megabytes } from './download.ts'
import { FASHION_MNIST, IDX_NAMES, type IdxName, type KnownFile, type KnownFiles, MIRRORS } from './known-files.ts'
import { assertFashionMnist, CACHE_HINT } from './verify.ts'

/** Where data may come from. The defaults are the real places; tests put their own in. */
export interface Places {
  /** The folder that fetched files are put into, by default below the current folder. */
  readonly cache: string
  /** The folder that a system package installs. */
  readonly system: string
  /** Addresses that end in a slash. */
  readonly mirrors: readonly string[]
  readonly run: RunCommand
  /** A mirror that sends nothing for this long is given up, in milliseconds. */
  readonly stallMs: number
  /** What the four files must hold. */
  readonly known: KnownFiles
}

export const PLACES: Places = {
  cache: join('data', 'fashion-mnist'),
  system: DEBIAN_FOLDER,
  mirrors: MIRRORS,
  run: runCommand,
  stallMs: 8_000,
  known: FASHION_MNIST,
}

export interface FetchOptions {
  /** Fetch all four files again, whatever the cache holds. */
  readonly force?: boolean | undefined
  readonly places?: Partial<Places> | undefined
  readonly signal?: AbortSignal | undefined
  /** Gets one line per step, for display. */
  readonly progress?: ((message: string) => void) | undefined
}

export interface Fetched {
  /** The folder that has the four files. */
  readonly dir: string
  /** Where the last of them came from; undefined if all were there already. */
  readonly from: string | undefined
}

/** A source that was tried, and why it did not serve. */
export interface Tried {
  readonly source: string
  readonly reason: string
}

/**
 * Puts the four files of Fashion-MNIST into the cache folder, from the first of: the mirrors, Debian's package.
 * Content is checked against the known SHA-256 before it is put in place. Files that are there are kept.
 * @param before sources that were tried already, for the error
 * @throws FedunifyError `data` if a file that is there is wrong, no source serves, or the folder is not writable
 * @throws the signal's reason if it was aborted
 */
export async function fetchFashionMnist(options: FetchOptions = {}, before: readonly Tried[] = []): Promise<Fetched> {
  const places = { ...PLACES, ...options.places }
  const dir = places.cache
  const listing = await listFolder(dir)
  const missing = new Set<IdxName>(options.force ? IDX_NAMES : listing.missing)
  if (!options.force) await assertFashionMnist(listing.found, CACHE_HINT, places.known)
  if (missing.size === 0) return { dir, from: undefined }
  await prepareFolder(dir)

  const tried = [...before]
  const sources: [source: string, fetchAll: () => Promise<void>][] = places.mirrors.map((mirror) => [
    mirror,
    () => fromMirror(mirror, places, missing, options),
  ])
  sources.push([`Debian package ${DEBIAN_PACKAGE}`, () => fromDebian(places, missing, options)])
  for (const [source, fetchAll] of sources) {
    options.signal?.throwIfAborted()
    try {
      await fetchAll()
      return { dir, from: source }
    } catch (error) {
      options.signal?.throwIfAborted()
      // A full disk or a folder without permission fails every source alike.
      if (error instanceof FedunifyError) throw error
      tried.push({ source, reason: messageOf(error) })
    }
  }
  const list = tried.map(({ source, reason }) => `  ${source}: ${reason}`)
  const advice = 'put the four .gz files into a folder and name it with --data DIR'
  throw new FedunifyError('E_DATASET_UNREACHABLE', 'Fashion-MNIST could not be found or fetched', [
    'tried:',
    ...list,
    advice,
  ])
}

async function fromMirror(
  mirror: string,
  { cache, known, stallMs }: Places,
  missing: Set<IdxName>,
  { signal, progress }: FetchOptions,
): Promise<void> {
  for (const name of [...missing]) {
    const expected = known[name].download
    let shown = 0
    const received = (bytes: number) => {
      if (Date.now() - shown < 200 && bytes < expected) return
      shown = Date.now()
      progress?.(`fetching ${name}.gz… ${megabytes(bytes, expected)}`)
    }
    received(0)
    const body = await download(`${mirror}${name}.gz`, { stallMs, expected, signal, received })
    const bytes = await unzip(body, `${name}.gz`, known[name].bytes).catch(asReason)
    await put(cache, name, bytes, known[name])
    missing.delete(name)
  }
}

async function fromDebian(
  { cache, known, run }: Places,
  missing: Set<IdxName>,
  { signal, progress }: FetchOptions,
): Promise<void> {
  await withDebianPackage({ run, signal, progress }, async (folder) => {
    const { found, lack } = await listFolder(folder)
    if (lack) throw new Error(`the package ${lack}`)
    for (const name of [...missing]) {
      const { bytes } = await readContent(found[name]!, name, known[name]).catch(asReason)
      await put(cache, name, bytes, known[name])
      missing.delete(name)
    }
  })
}

/** A wrong file is the failure of where it came from, not of all. */
function asReason(error: unknown): never {
  throw new Error(messageOf(error), { cause: error })
}

/** Checks the content of a fetched file, then writes it into `dir`: unpacked once, not at the start of every run. */
async function put(dir: string, name: IdxName, bytes: Uint8Array, known: KnownFile): Promise<void> {
  const fault = mismatch(known, bytes, sha256(bytes))
  if (fault) throw new Error(`${name}.gz: ${fault}`)
  await putFile(join(dir, name), bytes)
  await rm(join(dir, `${name}.gz`), { force: true })
}
