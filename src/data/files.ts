import { createHash } from 'node:crypto'
import { access, constants, open, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf, FedunifyError, messageOf } from '../errors.ts'
import { makeFolders, writeWhole } from '../files.ts'
import { IDX_NAMES, type IdxName, type KnownFile } from './fashion-mnist.ts'
import { sha256 as hashOf, isGzip, unzip } from './idx.ts'

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
    const lack = codeOf(error) === 'ENOENT' ? 'no such folder' : `cannot be read (${codeOf(error) ?? messageOf(error)})`
    return { found: {}, missing: IDX_NAMES, lack }
  }
  const found: Partial<Record<IdxName, string>> = {}
  for (const name of IDX_NAMES) {
    const file = [name, `${name}.gz`].find((candidate) => names.includes(candidate))
    if (file) found[name] = join(dir, file)
  }
  const missing = IDX_NAMES.filter((name) => !found[name])
  const lack = missing.length > 0 ? `lacks ${missing.map((name) => `${name}.gz`).join(', ')}` : undefined
  return { found, missing, lack }
}

/** One IDX file, read and decompressed. */
export interface Content {
  readonly path: string
  readonly bytes: Uint8Array
  /** SHA-256 (hex) of `bytes`. */
  readonly sha256: string
  /** Size of the file on disk, in bytes. */
  readonly stored: number
}

/**
 * Reads an IDX file, gzipped or not, and hashes its content.
 * @param next a file that is to be joined to this one: room for it is left behind the content, if neither is gzipped
 * @throws FedunifyError `data` if it cannot be read or decompressed
 */
export async function readContent(path: string, next?: string): Promise<Content> {
  try {
    const { bytes: stored, sha256 } = await readShared(path, next === undefined ? 0 : (await stat(next)).size)
    if (sha256 !== undefined) return { path, bytes: stored, sha256, stored: stored.length }
    const bytes = await unzip(stored, path)
    return { path, bytes, sha256: hashOf(bytes), stored: stored.length }
  } catch (error) {
    if (error instanceof FedunifyError) throw error
    throw new FedunifyError('data', `${path}: cannot be read (${codeOf(error) ?? messageOf(error)})`, undefined, {
      cause: error,
    })
  }
}

/**
 * Reads those of the four files that are given.
 * @throws FedunifyError as readContent does
 */
export async function readContents(
  files: Partial<Record<IdxName, string>>,
): Promise<Partial<Record<IdxName, Content>>> {
  const images = { train: 'train-images-idx3-ubyte', t10k: 't10k-images-idx3-ubyte' } as const
  const contents: Partial<Record<IdxName, Content>> = {}
  const read = async (name: IdxName) => {
    const path = files[name]
    if (path !== undefined)
      contents[name] = await readContent(path, name === images.train ? files[images.t10k] : undefined)
  }
  await Promise.all(IDX_NAMES.map(read))
  return contents
}

/** Bytes that are read at once; those before them are hashed meanwhile. */
const PIECE = 2 ** 22

/**
 * A whole file, in memory that threads can share and with so many bytes free behind it; and its SHA-256 (hex), if it is
 * not gzipped.
 */
async function readShared(
  path: string,
  room: number,
): Promise<{ bytes: Uint8Array<SharedArrayBuffer>; sha256: string | undefined }> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const bytes = new Uint8Array(new SharedArrayBuffer(size + room), 0, size)
    const pieces = Array.from({ length: Math.ceil(size / PIECE) }, (_, i) => bytes.subarray(i * PIECE, (i + 1) * PIECE))
    // All are asked for at once: whatever else this thread does, the next one is on its way.
    const reads = pieces.map((piece) => file.read(piece, 0, piece.length, piece.byteOffset))
    const hash = createHash('sha256')
    try {
      for (const [i, piece] of pieces.entries()) {
        if ((await reads[i]!).bytesRead < piece.length) throw new Error('it became shorter while it was read')
        if (!isGzip(bytes)) hash.update(piece)
      }
    } finally {
      await Promise.allSettled(reads)
    }
    return { bytes, sha256: isGzip(bytes) ? undefined : hash.digest('hex') }
  } finally {
    await file.close()
  }
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
    'data',
    `cannot write to the data folder ${dir} (${codeOf(error) ?? messageOf(error)})`,
    'run from a folder that you may write to, or name one that has the four files with --data DIR',
    { cause: error },
  )
}
