import { createHash } from 'node:crypto'
import { constants, type FileHandle, lstat, open, readlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FedunifyError, messageOf, systemCodeOf } from '../errors.ts'
import { VERSION } from '../package.ts'
import { flush, syncFolder } from '../system/flush.ts'
import { isFull } from '../system/refusal.ts'
import { LEDGER_FORMAT, type LedgerNote, NoteSchema, parseLedger } from './ledger-lines.ts'

/** The name of the ledger in an owner's folder. */
export const LEDGER_NAME = 'ledger.jsonl'

/** What a note says of a content, whole or in pieces. */
export function contentOf(...pieces: readonly (string | Uint8Array)[]): Pick<LedgerNote, 'bytes' | 'sha256'> {
  const hash = createHash('sha256')
  let bytes = 0
  for (const piece of pieces) {
    hash.update(piece)
    bytes += Buffer.byteLength(piece)
  }
  return { bytes, sha256: hash.digest('hex') }
}

/**
 * An owner's own book: a line for each thing that it received or is about to send. It only grows: what a kill tore off
 * is left in its line, and the next process goes on in a new one. So two of them can keep one book.
 */
export class Ledger {
  readonly file: string
  readonly #handle: FileHandle
  #isFirst = true
  #last: Promise<unknown> = Promise.resolve()

  private constructor(file: string, handle: FileHandle) {
    this.file = file
    this.#handle = handle
  }

  /** See `openLedger`. */
  static async open(file: string): Promise<Ledger> {
    await assertPlain(file)
    let handle: FileHandle | undefined
    try {
      const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants
      handle = await open(file, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK)
      if (!(await handle.stat()).isFile()) throw notPlain(file, 'not a plain file')
      const content = await handle.readFile()
      parseLedger(content, file)
      if (content.length === 0) await syncFolder(dirname(file))
      return new Ledger(file, handle)
    } catch (error) {
      await handle?.close().catch(() => {})
      throw error instanceof FedunifyError ? error : writeError(file, error)
    }
  }

  /**
   * The note is on the disk once this resolves: only then may what it tells of be sent.
   * @throws FedunifyError (usage) or (data) if it could not be written, or the file is no longer where it was
   */
  note(note: LedgerNote): Promise<void> {
    const done = this.#last.then(() => this.#append(note))
    this.#last = done.catch(() => {})
    return done
  }

  /** After the notes that are under way. */
  async close(): Promise<void> {
    await this.#last
    await this.#handle.close()
  }

  async #append(note: LedgerNote): Promise<void> {
    const head = this.#isFirst ? { format: LEDGER_FORMAT, fedunify: VERSION } : {}
    const line = JSON.stringify({ ...head, time: new Date().toISOString(), ...NoteSchema.parse(note) })
    try {
      await this.#assertInPlace()
      await this.#handle.appendFile(`${await this.#endOfTorn()}${line}\n`)
      await flush(this.#handle, 'datasync')
    } catch (error) {
      throw error instanceof FedunifyError ? error : writeError(this.file, error)
    }
    this.#isFirst = false
  }

  /** The end of what was torn off before, by a kill or a full disk, in this process or another. */
  async #endOfTorn(): Promise<string> {
    const { size } = await this.#handle.stat()
    if (size === 0) return ''
    const { buffer } = await this.#handle.read(Buffer.alloc(1), 0, 1, size - 1)
    return buffer[0] === LINE_FEED ? '' : '\n'
  }

  /** Nobody reads what is written to a file that was moved away or removed. */
  async #assertInPlace(): Promise<void> {
    const [named, own] = await Promise.all([lstat(this.file).catch(() => undefined), this.#handle.stat()])
    if (named?.ino === own.ino && named.dev === own.dev) return
    const message = `${this.file} was moved, removed or replaced while it was in use: nothing is sent without a note`
    throw new FedunifyError('E_LEDGER', message, 'start again: a new ledger begins, or the one that is there goes on')
  }
}

const LINE_FEED = 10

/**
 * Opens an owner's ledger, or begins one.
 * @throws FedunifyError (usage) if it cannot be written or a link is in its place; (data) if the file is not a ledger,
 *   or of a newer format: then nothing is written to it
 */
export const openLedger = (file: string): Promise<Ledger> => Ledger.open(file)

async function assertPlain(file: string): Promise<void> {
  const info = await lstat(file).catch(() => undefined)
  if (!info || info.isFile()) return
  throw notPlain(
    file,
    info.isSymbolicLink() ? `a link to ${await readlink(file).catch(() => 'somewhere')}` : 'not a plain file',
  )
}

const notPlain = (file: string, what: string) =>
  new FedunifyError(
    'E_FILE_UNWRITABLE',
    `${file} is ${what}: a ledger is a file of its own`,
    'remove it, or move it away',
  )

function writeError(file: string, error: unknown): FedunifyError {
  if (isFull(error)) {
    const message = `${file}: no space left to write it (${systemCodeOf(error)})`
    return new FedunifyError('E_DISK_FULL', message, 'free some space: nothing is sent without a note', {
      cause: error,
    })
  }
  const hint = 'an owner needs a folder that it may write to'
  return new FedunifyError('E_FILE_UNWRITABLE', `cannot write ${file}: ${messageOf(error)}`, hint, { cause: error })
}
