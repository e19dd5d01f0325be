import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { constants, type FileHandle, lstat, open, readFile, readlink, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { FedunifyError, messageOf, systemCodeOf } from '../../errors.ts'
import { sha256 } from '../../system/digest.ts'
import { type WriteSteps, writeWhole } from '../../system/files.ts'
import { flush } from '../../system/flush.ts'
import { isFull } from '../../system/refusal.ts'

/** Writes a file of the run folder whole. */
export async function putFile(file: string, content: string | Uint8Array, steps?: WriteSteps): Promise<void> {
  try {
    await writeWhole(file, content, steps)
  } catch (error) {
    throw error instanceof FedunifyError ? error : writeError(file, error)
  }
}

/** How far a growing file had come: its bytes, and their SHA-256 (hex). */
export interface Mark {
  readonly size: number
  readonly sha256: string
}

/**
 * What a file holds in its first `size` bytes, all if none is given, as a mark; undefined if there is no file.
 * @throws FedunifyError (data) if it cannot be read
 */
export async function markOf(file: string, size = Number.POSITIVE_INFINITY): Promise<Mark | undefined> {
  try {
    const info = await stat(file)
    if (!info.isFile()) throw new Error('not a plain file')
    const hash = createHash('sha256')
    const until = Math.min(size, info.size)
    if (until > 0) for await (const piece of createReadStream(file, { end: until - 1 })) hash.update(piece)
    return { size: info.size, sha256: hash.digest('hex') }
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw new FedunifyError('E_FILE_UNREADABLE', `${file}: ${messageOf(error)}`, undefined, { cause: error })
  }
}

/**
 * A file that grows by whole blocks of lines: a block that could not be written whole is taken back. It is a new file
 * each time, not an old one that is opened again: a process that held the run folder before may still have that open.
 */
export class GrowingFile {
  readonly #file: string
  readonly #handle: FileHandle
  readonly #hash: Hash
  #size: number

  private constructor(file: string, handle: FileHandle, content: Uint8Array) {
    this.#file = file
    this.#handle = handle
    this.#hash = createHash('sha256').update(content)
    this.#size = content.length
  }

  /**
   * Starts the file anew with `head`.
   * @throws FedunifyError (data) if a link or the like is in its place
   */
  static create(file: string, head = ''): Promise<GrowingFile> {
    return GrowingFile.#begin(file, Buffer.from(head))
  }

  /**
   * Goes on behind `mark`; what a killed process wrote after it is left out.
   * @throws FedunifyError (data) if what stands before the mark is not what was written then
   */
  static async resume(file: string, mark: Mark): Promise<GrowingFile> {
    await assertPlain(file)
    let content: Uint8Array
    try {
      content = (await readFile(file)).subarray(0, mark.size)
    } catch (error) {
      throw changed(file, messageOf(error))
    }
    if (sha256(content) !== mark.sha256) {
      throw changed(file, content.length < mark.size ? 'it is shorter than it was' : 'it was edited')
    }
    return await GrowingFile.#begin(file, content)
  }

  static async #begin(file: string, content: Uint8Array): Promise<GrowingFile> {
    await assertPlain(file)
    // Its name is flushed with the first file after it that flushes the folder, as the checkpoint does.
    await putFile(file, content, { flushFolder: false })
    const handle = await open(file, constants.O_WRONLY | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0)).catch(
      (error: unknown) => {
        throw writeError(file, error)
      },
    )
    return new GrowingFile(file, handle, content)
  }

  get name(): string {
    return basename(this.#file)
  }

  async append(block: string): Promise<void> {
    const bytes = Buffer.from(block)
    try {
      await this.#handle.appendFile(bytes)
    } catch (error) {
      await this.#handle.truncate(this.#size).catch(() => {})
      throw writeError(this.#file, error)
    }
    this.#hash.update(bytes)
    this.#size += bytes.length
  }

  /** Everything so far is on the disk once this resolves. */
  async mark(): Promise<Mark> {
    await flush(this.#handle, 'datasync')
    return { size: this.#size, sha256: this.#hash.copy().digest('hex') }
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

/** A run folder may come from elsewhere: what it holds in the place of our files is not written through. */
async function assertPlain(file: string): Promise<void> {
  const info = await lstat(file).catch(() => undefined)
  if (!info || info.isFile()) return
  const what = info.isSymbolicLink() ? `a link to ${await readlink(file).catch(() => 'somewhere')}` : 'not a plain file'
  throw new FedunifyError('E_RUN_DAMAGED', `${file} is ${what}: a run writes only to its own files`, PLAIN_HINT)
}

const PLAIN_HINT = 'replace it by the file itself, or start a new run in another folder'

/**
 * The folder of an experiment's runs is made by us: a link in its place would lead them elsewhere. The results folder
 * above it is the user's, who may link it to where there is space.
 * @throws FedunifyError (usage) naming the link
 */
export async function assertNoLink(dir: string): Promise<void> {
  const to = await readlink(dir).catch(() => undefined)
  if (to === undefined) return
  const hint = 'remove the link, or choose another folder with --name or --out'
  throw new FedunifyError('E_FILE_UNWRITABLE', `${dir} is a link to ${to}`, hint)
}

function changed(file: string, why: string): FedunifyError {
  const hint = `restore ${basename(file)}, or start a new run in another folder`
  return new FedunifyError('E_RUN_DAMAGED', `${file} is not as the checkpoint left it: ${why}`, hint)
}

export function writeError(file: string, error: unknown): FedunifyError {
  const code = systemCodeOf(error) ?? ''
  if (isFull(error)) {
    const hint = 'free some space; the files in the run folder hold every round that was finished'
    return new FedunifyError('E_DISK_FULL', `${file}: no space left to write it (${code})`, hint, { cause: error })
  }
  const denied = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT'].includes(code)
  const hint = denied ? 'name a folder that you may write to: --out DIR' : undefined
  // The system's words end with the temporary file that it could not make, of which nobody needs to know.
  const why = code === 'EISDIR' ? 'it is a folder' : messageOf(error).replace(/(?<=^[A-Z]+: [^']*), \w+ '.*$/s, '')
  return new FedunifyError('E_FILE_UNWRITABLE', `cannot write ${file}: ${why}`, hint, { cause: error })
}
