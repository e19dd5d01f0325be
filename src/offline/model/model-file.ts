import { type FileHandle, open, stat } from 'node:fs/promises'
import { FedunifyError, messageOf, systemCodeOf } from '../../errors.ts'
import { decodeHeader, type Header, headerBytes, LENGTH_BYTES } from '../../weights/safetensors/header.ts'

/** A safetensors file that is read piece by piece, of which only the header is in memory. */
export class ModelFile {
  readonly path: string
  readonly size: number
  readonly header: Header
  /** Where the values begin. */
  readonly start: number
  readonly #handle: FileHandle
  readonly #changed: number

  private constructor(path: string, handle: FileHandle, { header, start, size, changed }: Contents) {
    this.path = path
    this.#changed = changed
    this.#handle = handle
    this.header = header
    this.start = start
    this.size = size
  }

  /** @throws FedunifyError (data) if there is no such file, or it is no safetensors file */
  static async open(path: string): Promise<ModelFile> {
    const handle = await openPlain(path)
    try {
      return new ModelFile(path, handle, await contentsOf(handle))
    } catch (error) {
      await handle.close()
      throw notOne(path, error)
    }
  }

  /**
   * Reads the bytes from `from` to `to` of the file to the start of `into`.
   * @throws FedunifyError (data) if it cannot be read, or has become shorter
   */
  async read(from: number, to: number, into: ArrayBufferLike): Promise<void> {
    try {
      await fill(this.#handle, new Uint8Array(into, 0, to - from), from)
    } catch (error) {
      throw new FedunifyError('E_FILE_UNREADABLE', `${this.path}: ${messageOf(error)}`, undefined, { cause: error })
    }
  }

  /**
   * What was read belongs together, and to the hash, only if nobody wrote to the file meanwhile.
   * @throws FedunifyError (data) if somebody did
   */
  async assertUnchanged(): Promise<void> {
    const { size, mtimeMs } = await this.#handle.stat()
    if (size === this.size && mtimeMs === this.#changed) return
    throw new FedunifyError('E_MODEL_FILE', `${this.path}: it was changed while it was read`, 'try it again')
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

interface Contents {
  readonly header: Header
  readonly start: number
  readonly size: number
  /** When it was changed last, in milliseconds. */
  readonly changed: number
}

async function openPlain(path: string): Promise<FileHandle> {
  try {
    // Opening a pipe would wait for somebody to write to it.
    if (!(await stat(path)).isFile()) throw new Error('not a plain file')
    return await open(path)
  } catch (error) {
    const missing = systemCodeOf(error) === 'ENOENT'
    const [code, what] = missing
      ? (['E_FILE_MISSING', 'no such file'] as const)
      : (['E_FILE_UNREADABLE', messageOf(error)] as const)
    throw new FedunifyError(code, `${path}: ${what}`, undefined, { cause: error })
  }
}

async function contentsOf(handle: FileHandle): Promise<Contents> {
  const info = await handle.stat()
  const length = new Uint8Array(Math.min(LENGTH_BYTES, info.size))
  await fill(handle, length, 0)
  const bytes = new Uint8Array(headerBytes(length, info.size))
  await fill(handle, bytes, LENGTH_BYTES)
  const start = LENGTH_BYTES + bytes.length
  return { header: decodeHeader(bytes, info.size - start), start, size: info.size, changed: info.mtimeMs }
}

/** A read may give less than was asked for. */
async function fill(handle: FileHandle, into: Uint8Array, from: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle.read(into, done, into.length - done, from + done)
    if (bytesRead === 0) throw new Error('it has become shorter while it was read')
    done += bytesRead
  }
}

const notOne = (path: string, error: unknown) =>
  new FedunifyError(
    'E_MODEL_FILE',
    `${path}: not a safetensors file: ${messageOf(error)}`,
    'name a .safetensors file, the index of a sharded one, or a folder that has one of them',
    { cause: error },
  )
