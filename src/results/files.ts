import { type FileHandle, open } from 'node:fs/promises'
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

/** A file that grows by whole blocks of lines: a block that could not be written whole is taken back. */
export class GrowingFile {
  readonly #file: string
  readonly #handle: FileHandle
  #size = 0

  private constructor(file: string, handle: FileHandle) {
    this.#file = file
    this.#handle = handle
  }

  static async create(file: string, start = ''): Promise<GrowingFile> {
    try {
      const grown = new GrowingFile(file, await open(file, 'wx'))
      await grown.append(start)
      return grown
    } catch (error) {
      throw error instanceof FedunifyError ? error : writeError(file, error)
    }
  }

  async append(block: string): Promise<void> {
    const bytes = Buffer.from(block)
    try {
      await this.#handle.appendFile(bytes)
    } catch (error) {
      await this.#handle.truncate(this.#size).catch(() => {})
      throw writeError(this.#file, error)
    }
    this.#size += bytes.length
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG']

export function writeError(file: string, error: unknown): FedunifyError {
  const code = codeOf(error) ?? ''
  if (FULL.includes(code)) {
    const hint = 'free some space; the files in the run folder hold every round that was finished'
    return new FedunifyError('data', `${file}: no space left to write it (${code})`, hint, { cause: error })
  }
  const denied = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'].includes(code)
  const hint = denied ? 'name a folder that you may write to: --out DIR' : undefined
  return new FedunifyError('usage', `cannot write ${file}: ${messageOf(error)}`, hint, { cause: error })
}
