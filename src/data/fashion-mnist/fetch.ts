import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FedunifyError, messageOf } from '../../errors.ts'
import { dataSize } from '../../format.ts'
import { sha256 } from '../../system/digest.ts'
import { unzip } from '../idx.ts'
import { listFolder, mismatch, prepareFolder, putFile, readContent } from '../idx-folder.ts'
import { DEBIAN_PACKAGE, withDebianPackage } from './debian.ts'
import { download } from './download.ts'
import { IDX_NAMES, type IdxName, type KnownFile } from './known-files.ts'
import { type Access, isOffline, type Places, placesOf } from './places.ts'
import { assertFashionMnist, replaceHint } from './verify.ts'

/**
 * Told what happens.
 * @param share of what is being transferred that is here, in [0, 1]: the line takes the place of the one before
 */
export type Progress = (message: string, share?: number) => void

export interface FetchOptions extends Access {
  /** The folder to put them into; default: the project's if it has some of them, else the cache. */
  readonly into?: string | undefined
  /** Fetch all four files again, whatever the folder holds. */
  readonly force?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: Progress | undefined
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
 * Puts the four files of Fashion-MNIST into a folder, from the first of: the mirrors, Debian's package. Content is
 * checked against the known SHA-256 before it is put in place. Files that are there are kept.
 * @param before sources that were tried already, for the error
 * @throws FedunifyError `data` if a file that is there is wrong, no source serves, nothing may be fetched, or the folder
 *   is not writable
 * @throws the signal's reason if it was aborted
 */
export async function fetchFashionMnist(options: FetchOptions = {}, before: readonly Tried[] = []): Promise<Fetched> {
  const { force, signal, progress } = options
  const places = placesOf(options)
  const dir = options.into ?? (await folderFor(places))
  const listing = await listFolder(dir)
  const missing = new Set<IdxName>(force ? IDX_NAMES : listing.missing)
  if (!force) await assertFashionMnist(listing.found, replaceHint(dir), places.known)
  if (missing.size === 0) return { dir, from: undefined }
  if (isOffline(options)) throw forbidden(before)
  await prepareFolder(dir)

  const tried = [...before]
  const job: Job = { dir, missing, places, signal, progress }
  const sources: [source: string, fetchAll: () => Promise<void>][] = places.mirrors.map((mirror) => [
    mirror,
    () => fromMirror(mirror, job),
  ])
  if (places.debian) sources.push([`Debian package ${DEBIAN_PACKAGE}`, () => fromDebian(job)])
  for (const [i, [source, fetchAll]] of sources.entries()) {
    signal?.throwIfAborted()
    try {
      await fetchAll()
      return { dir, from: source }
    } catch (error) {
      signal?.throwIfAborted()
      // A full disk or a folder without permission fails every source alike.
      if (error instanceof FedunifyError) throw error
      tried.push({ source, reason: messageOf(error) })
      if (i < sources.length - 1) progress?.(`${source}: ${messageOf(error)}; trying the next source`)
    }
  }
  const advice = 'put the four .gz files into a folder and name it with --data DIR, or name a mirror with --mirror URL'
  throw new FedunifyError('E_DATASET_UNREACHABLE', 'Fashion-MNIST could not be found or fetched', [
    'tried:',
    ...triedLines(tried),
    advice,
  ])
}

/** Where fetched files belong: beside those of them that the project has, else in the cache. */
export async function folderFor({ project, cache }: Places): Promise<string> {
  return (await listFolder(project)).missing.length < IDX_NAMES.length ? project : cache
}

/** A line for each. */
export const triedLines = (tried: readonly Tried[]): string[] =>
  tried.map(({ source, reason }) => `  ${source}: ${reason}`)

const forbidden = (tried: readonly Tried[]) =>
  new FedunifyError(
    'E_DATASET_UNREACHABLE',
    'Fashion-MNIST is not on this machine, and nothing may be fetched (--offline or FEDUNIFY_OFFLINE)',
    [
      ...(tried.length > 0 ? ['looked in:', ...triedLines(tried)] : []),
      'fetch it once with the network: fedunify data fetch',
    ],
  )

/** What is fetched, and into which folder. */
interface Job {
  readonly dir: string
  /** Those that are put in place are taken out. */
  readonly missing: Set<IdxName>
  readonly places: Places
  readonly signal: AbortSignal | undefined
  readonly progress: Progress | undefined
}

/** Bytes that a mirror sends of these files. */
export const downloadSize = (names: Iterable<IdxName>, { known }: Places): number =>
  [...names].reduce((sum, name) => sum + known[name].download, 0)

async function fromMirror(mirror: string, { dir, missing, places, signal, progress }: Job): Promise<void> {
  const { known, stallMs } = places
  const total = downloadSize(missing, places)
  let before = 0
  let shown = 0
  const tell = (bytes: number) => {
    if (Date.now() - shown < 100 && bytes < total) return
    shown = Date.now()
    progress?.(`${dataSize(bytes)} of ${dataSize(total)}`, bytes / total)
  }
  progress?.(`fetching Fashion-MNIST (${dataSize(total)}) from ${mirror} into ${dir}`)
  for (const name of [...missing]) {
    const expected = known[name].download
    const received = (bytes: number) => tell(before + Math.min(bytes, expected))
    received(0)
    const body = await download(`${mirror}${name}.gz`, { stallMs, expected, signal, received })
    const bytes = await unzip(body, `${name}.gz`, known[name].bytes).catch(asReason)
    await put(dir, name, bytes, known[name])
    missing.delete(name)
    before += expected
  }
}

async function fromDebian({ dir, missing, places: { known, run }, signal, progress }: Job): Promise<void> {
  await withDebianPackage({ run, signal, progress }, async (folder) => {
    const { found, lack } = await listFolder(folder)
    if (lack) throw new Error(`the package ${lack}`)
    for (const name of [...missing]) {
      const { bytes } = await readContent(found[name]!, name, known[name]).catch(asReason)
      await put(dir, name, bytes, known[name])
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
