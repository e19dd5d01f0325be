import { access, constants, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf, FedunifyError, messageOf } from '../errors.ts'
import { makeFolders, writeWhole } from '../files.ts'
import { IDX_NAMES, type IdxName, type KnownFile } from './fashion-mnist.ts'
import { sha256, unzip } from './idx.ts'

/** What a folder holds of the four IDX files. */
export interface Listing {
  /** The files that are there, with their paths; of a gzipped and a plain one, the gzipped. */
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
    const file = [`${name}.gz`, name].find((candidate) => names.includes(candidate))
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
 * @throws FedunifyError `data` if it cannot be read or decompressed
 */
export async function readContent(path: string): Promise<Content> {
  let stored: Uint8Array
  try {
    stored = await readFile(path)
  } catch (error) {
    throw new FedunifyError('data', `${path}: cannot be read (${codeOf(error) ?? messageOf(error)})`, undefined, {
      cause: error,
    })
  }
  const bytes = await unzip(stored, path)
  return { path, bytes, sha256: sha256(bytes), stored: stored.length }
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
