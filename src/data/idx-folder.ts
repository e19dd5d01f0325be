import { createHash } from 'node:crypto'
import { access, constants, type FileHandle, open, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FedunifyError, messageOf, systemCodeOf } from '../errors.ts'
import { gigabytes } from '../format.ts'
import { sha256 as hashOf } from '../system/digest.ts'
import { makeFolders, writeWhole } from '../system/files.ts'
import { memoryLimit } from '../system/memory-limit.ts'
import { isFull } from '../system/refusal.ts'
import { IDX_NAMES, type IdxName, type KnownFile, type KnownFiles } from './fashion-mnist/known-files.ts'
import { assertSize, isGzip, unzip, unzippedSize } from './idx.ts'

/** What a folder holds of the four IDX files. */
export interface Listing {
  /** The files that are there, with their paths; of a gzipped and a plain one, the plain, which is read faster. */
  readonly found: Partial<Record<IdxName, string>>
  readonly missing: readonly IdxName[]
  /** Why the folder is not complete, on one line; undefined if it is. */
  readonly lack: string | undefined
}

/** Looks which of the four IDX files are in `dir`, gzipped or not. An absent or unreadable folder holds none. */
export async function listFolder(dir: string): Promise<Listing> {
  let names: string[]
  try {
    names = await readdir(dir)
  } catch (error) {
    const lack =
      systemCodeOf(error) === 'ENOENT'
        ? 'no such folder'
        : `cannot be read (${systemCodeOf(error) ?? messageOf(error)})`
    return { found: {}, missing: IDX_NAMES, lack }
  }
  const found: Partial<Record<IdxName, string>> = {}
  for (const name of IDX_NAMES) {
    const file = [name, `${name}.gz`].find((candidate) => names.includes(candidate)) ?? otherName(name, names)
    if (file) found[name] = join(dir, file)
  }
  const missing = IDX_NAMES.filter((name) => !found[name])
  const lack = missing.length > 0 ? `lacks ${missing.map((name) => `${name}.gz`).join(', ')}` : undefined
  const alike = names.filter((name) => /idx|ubyte|images|labels/i.test(name)).sort()
  const others = alike.filter((name) => !Object.values(found).includes(join(dir, name)))
  const advice = others.length === 1 ? 'rename it if this is the file' : 'rename them if these are the files'
  const there = lack && others.length > 0 ? `; it has ${shortList(others)}: ${advice}` : ''
  return { found, missing, lack: lack && `${lack}${there}` }
}

/**
 * A file by another common name, as `train-images.idx3-ubyte` or `emnist-letters-test-images-idx3-ubyte.gz`; none if
 * several may be meant.
 */
function otherName(name: IdxName, names: readonly string[]): string | undefined {
  const [set, what, idx] = name.split('-') as [string, string, string]
  const sets = set === 't10k' ? '(t10k|test)' : set
  const pattern = new RegExp(`^(.*[-_.])?${sets}[-_.]${what}[-_.]${idx}[-_.]ubyte(\\.gz)?$`, 'i')
  const alike = names.filter((candidate) => pattern.test(candidate))
  const plain = alike.filter((candidate) => !candidate.endsWith('.gz'))
  const [only, second] =
    alike.length === 2 && `${plain[0]}.gz` === alike.find((one) => one !== plain[0]) ? plain : alike
  return second === undefined ? only : undefined
}

/** Files of a folder on one line. */
const shortList = (names: readonly string[]) =>
  names.length > 6 ? `${names.slice(0, 6).join(', ')} and ${names.length - 6} more` : names.join(', ')

/** One IDX file, read and decompressed. */
export interface Content {
  readonly path: string
  readonly bytes: Uint8Array
  /** SHA-256 (hex) of `bytes`. */
  readonly sha256: string
  /** Size of the file on disk, in bytes. */
  readonly stored: number
}

/** A file before it is read: nothing is, unless it is as large as it should be. */
interface Looked {
  readonly path: string
  readonly gzipped: boolean
  /** Size of the file on disk, in bytes. */
  readonly stored: number
  /** Bytes that its content should have, at most. */
  readonly most: number
}

/**
 * Reads an IDX file, gzipped or not, and hashes its content.
 * @param known what it must hold, if that is known; else its own header says how long it should be
 * @throws FedunifyError `data` if it cannot be read or decompressed, or is longer than it should be
 */
export async function readContent(path: string, name: IdxName, known?: KnownFile): Promise<Content> {
  const looked = await look(path, name, known)
  assertFits([looked])
  return await read(looked, 0)
}

/**
 * Reads those of the four files that are given.
 * @throws FedunifyError as readContent does
 */
export async function readContents(
  files: Partial<Record<IdxName, string>>,
  known?: KnownFiles,
): Promise<Partial<Record<IdxName, Content>>> {
  const given = IDX_NAMES.flatMap((name) => (files[name] === undefined ? [] : [{ name, path: files[name] }]))
  const all = await Promise.all(
    given.map(async ({ name, path }) => ({ name, looked: await look(path, name, known?.[name]) })),
  )
  assertFits(all.map(({ looked }) => looked))
  const next = all.find(({ name }) => name === 't10k-images-idx3-ubyte')?.looked
  const contents = all.map(async ({ name, looked }) => {
    // Room for the images of the other file is left behind those of the first, if neither is gzipped.
    const joined = name === 'train-images-idx3-ubyte' && next && !looked.gzipped && !next.gzipped
    return [name, await read(looked, joined ? next.stored : 0)] as const
  })
  return Object.fromEntries(await Promise.all(contents))
}

/** Bytes of the start of a file, in which the header of its content is found even if that is gzipped. */
const START = 2 ** 16

async function look(path: string, name: IdxName, known: KnownFile | undefined): Promise<Looked> {
  const kind = name.includes('images') ? 'images' : 'labels'
  return await opened(path, async (file) => {
    const stats = await file.stat()
    if (!stats.isFile()) throw new Error(stats.isDirectory() ? 'a folder, not a file' : 'not a plain file')
    const stored = stats.size
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(START, stored)), 0)
    const start = buffer.subarray(0, bytesRead)
    const gzipped = isGzip(start)
    if (!gzipped && known === undefined) assertSize(start, stored, path, kind)
    const most = known?.bytes ?? (gzipped ? await unzippedSize(start, stored, path, kind) : stored)
    // No gzip stream is twice as long as what it holds, but for its own few bytes.
    if (stored > (gzipped ? 2 * most + START : most)) {
      throw new FedunifyError('E_DATASET', `${path}: trailing bytes: it has ${stored} bytes, but ${most} are expected`)
    }
    return { path, gzipped, stored, most }
  })
}

/** @throws FedunifyError `data` if the files are more than what there is of memory */
function assertFits(files: readonly Looked[]): void {
  const needed = files.reduce((sum, { most }) => sum + most, 0)
  if (needed <= memoryLimit()) return
  const largest = files.toSorted((a, b) => b.most - a.most)[0]!
  throw new FedunifyError(
    'E_DATASET_TOO_LARGE',
    `${largest.path}: ${gigabytes(largest.most)} are more than fit into memory, which has ${gigabytes(memoryLimit())}`,
    'a dataset is held in memory: use fewer or smaller images',
  )
}

/** @param room bytes to leave behind the content, if it is not gzipped */
async function read({ path, gzipped, stored, most }: Looked, room: number): Promise<Content> {
  return await opened(path, async (file) => {
    const { bytes, sha256 } = await readShared(file, stored, room, !gzipped)
    if (!gzipped) return { path, bytes, sha256, stored }
    const content = await unzip(bytes, path, most)
    return { path, bytes: content, sha256: hashOf(content), stored }
  })
}

/** @throws FedunifyError `data` if the file cannot be opened or used */
async function opened<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    // Without O_NONBLOCK opening a pipe would wait for whoever writes into it.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      return await use(file)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof FedunifyError) throw error
    throw new FedunifyError(
      'E_FILE_UNREADABLE',
      `${path}: cannot be read (${systemCodeOf(error) ?? messageOf(error)})`,
      undefined,
      {
        cause: error,
      },
    )
  }
}

/** Bytes that are read at once; those before them are hashed meanwhile. */
const PIECE = 2 ** 22

/**
 * So many bytes of a file, in memory that threads can share and with so many bytes free behind it; and their SHA-256
 * (hex), if it is asked for.
 */
async function readShared(
  file: FileHandle,
  size: number,
  room: number,
  hashed: boolean,
): Promise<{ bytes: Uint8Array<SharedArrayBuffer>; sha256: string }> {
  const bytes = new Uint8Array(new SharedArrayBuffer(size + room), 0, size)
  const pieces = Array.from({ length: Math.ceil(size / PIECE) }, (_, i) => bytes.subarray(i * PIECE, (i + 1) * PIECE))
  // All are asked for at once: whatever else this thread does, the next one is on its way.
  const reads = pieces.map((piece) => file.read(piece, 0, piece.length, piece.byteOffset))
  const hash = createHash('sha256')
  try {
    for (const [i, piece] of pieces.entries()) {
      if ((await reads[i]!).bytesRead < piece.length) throw new Error('it became shorter while it was read')
      if (hashed) hash.update(piece)
    }
  } finally {
    await Promise.allSettled(reads)
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** Why this content is not that of the known file, on one line; undefined if it is. */
export function mismatch(known: KnownFile, bytes: Uint8Array, hash: string): string | undefined {
  if (hash === known.sha256) return undefined
  const size = bytes.length === known.bytes ? '' : ` (${bytes.length} bytes, expected ${known.bytes})`
  return `wrong checksum: expected SHA-256 ${known.sha256}, got ${hash}${size}`
}

/**
 * Creates the folder that files will be put into.
 * @throws FedunifyError `data` if it cannot be created or written to
 */
export async function prepareFolder(dir: string): Promise<void> {
  try {
    await makeFolders(dir)
    await access(dir, constants.W_OK)
  } catch (error) {
    throw unwritable(dir, error)
  }
}

/**
 * Puts a file into the data folder, whole.
 * @throws FedunifyError `data` if the folder or the disk does not take it; an older file then stays as it was
 */
export async function putFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeWhole(path, bytes)
  } catch (error) {
    throw unwritable(dirname(path), error)
  }
}

function unwritable(dir: string, error: unknown): FedunifyError {
  return new FedunifyError(
    isFull(error) ? 'E_DISK_FULL' : 'E_DATA_FOLDER',
    `cannot write to the data folder ${dir} (${systemCodeOf(error) ?? messageOf(error)})`,
    'run from a folder that you may write to, or name one that has the four files with --data DIR',
    { cause: error },
  )
}
