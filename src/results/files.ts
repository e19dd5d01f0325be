import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { codeOf, FedunifyError, messageOf } from '../errors.ts'
import { writeWhole } from '../files.ts'

/** Writes a file of the run folder whole. */
export async function putFile(file: string, content: string | Uint8Array): Promise<void> {
  try {
    await writeWhole(file, content)
  } catch (error) {
    throw writeError(file, error)
  }
}

/** How far a growing file had come: its bytes, and their SHA-256 (hex). */
export interface Mark {
  readonly size: number
  readonly sha256: string
}

/** A file that grows by whole blocks of lines: a block that could not be written whole is taken back. */
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

  /** Starts the file anew with `head`. */
  static async create(file: string, head = ''): Promise<GrowingFile> {
    let handle: FileHandle
    try {
      handle = await open(file, 'w')
    } catch (error) {
      throw writeError(file, error)
    }
    const growing = new GrowingFile(file, handle, new Uint8Array())
    await growing.append(head)
    return growing
  }

  /**
   * Goes on behind `mark`; what a killed process wrote after it is cut off.
   * @throws FedunifyError (data) where what stands before the mark is not what was written then
   */
  static async resume(file: string, mark: Mark): Promise<GrowingFile> {
    let content: Uint8Array
    try {
      content = (await readFile(file)).subarray(0, mark.size)
    } catch (error) {
      throw changed(file, messageOf(error))
    }
    if (createHash('sha256').update(content).digest('hex') !== mark.sha256) {
      throw changed(file, content.length < mark.size ? 'it is shorter than it was' : 'it was edited')
    }
    const handle = await open(file, 'a').catch((error: unknown) => {
      throw writeError(file, error)
    })
    await handle.truncate(mark.size)
    return new GrowingFile(file, handle, content)
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
    await this.#handle.datasync()
    return { size: this.#size, sha256: this.#hash.copy().digest('hex') }
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

function changed(file: string, why: string): FedunifyError {
  const hint = `restore ${basename(file)}, or start the run anew in another folder`
  return new FedunifyError('data', `${file} is not as the checkpoint left it: ${why}`, hint)
}

const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG']

export function writeError(file: string, error: unknown): FedunifyError {
  const code = codeOf(error) ?? ''
  if (FULL.includes(code)) {
    const hint = 'free some space; the files in the run folder hold every round that was finished'
    return new FedunifyError('data', `${file}: no space left to write it (${code})`, hint, { cause: error })
  }
  const denied = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT'].includes(code)
  const hint = denied ? 'name a folder that you may write to: --out DIR' : undefined
  // The system's words end with the temporary file that it could not make, of which nobody needs to know.
  const why = code === 'EISDIR' ? 'it is a folder' : messageOf(error).replace(/(?<=^[A-Z]+: [^']*), \w+ '.*$/s, '')
  return new FedunifyError('usage', `cannot write ${file}: ${why}`, hint, { cause: error })
}
