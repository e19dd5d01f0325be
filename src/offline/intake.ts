import type { Hasher } from '../system/hasher.ts'
import type { ModelFile } from './model/model-file.ts'

/** Bytes that are read at a time where a tensor need not be in memory as a whole. */
export const BLOCK_BYTES = 4 * 2 ** 20

/** Bytes that wait to be hashed, if they are blocks. */
const MOST_WAITING = 12 * BLOCK_BYTES

/**
 * Reads files, and hashes them in the same pass as far as they are read from front to back. What is read out of turn
 * (in a file whose tensors have another order) is read once more at the end, for its hash.
 */
export class Intake {
  readonly #files: ModelFile[] = []
  /** Who hashes each file, and how far it has been handed over. */
  readonly #hashers: Hasher[] = []
  readonly #hashed: number[] = []
  readonly #signal: AbortSignal
  readonly #largest: number | undefined
  readonly #free: SharedArrayBuffer[] = []
  /** Bytes that hashers have. */
  #handed = 0
  /** What they were given and have not done, the oldest first. */
  readonly #updates = new Set<Promise<void>>()

  /**
   * @param largest bytes of the largest piece: memory for more than a block is for as many, so that it fits any, because
   *   V8 does not see that shared memory is many bytes, and leaves it lying. Undefined if all of it is needed at once.
   */
  constructor(largest: number | undefined, signal: AbortSignal) {
    this.#signal = signal
    this.#largest = largest
  }

  /** Begins with a file: its header is hashed too. */
  async begin(file: ModelFile, hasher: Hasher): Promise<void> {
    this.#files.push(file)
    this.#hashers.push(hasher)
    this.#hashed.push(0)
    this.release(file, 0, file.start, await this.read(file, 0, file.start))
  }

  /**
   * Bytes of a file, at the start of memory that is given back by `release`.
   * @throws the signal's reason if it was aborted
   */
  async read(file: ModelFile, from: number, to: number): Promise<SharedArrayBuffer> {
    this.#signal.throwIfAborted()
    const buffer = await this.#take(to - from)
    await file.read(from, to, buffer)
    return buffer
  }

  /** Takes back what `read` gave, and hashes it if its turn has come. */
  release(file: ModelFile, from: number, to: number, buffer: SharedArrayBuffer): void {
    const at = this.#files.indexOf(file)
    if (this.#hashed[at] !== from) {
      this.#free.push(buffer)
      return
    }
    this.#hashed[at] = to
    const { byteLength } = buffer
    this.#handed += byteLength
    const update = this.#hashers[at]!.update(at, buffer, to - from).then(() => {
      this.#updates.delete(update)
      this.#handed -= byteLength
      this.#free.push(buffer)
    })
    // Whoever waits for the digest is told.
    update.catch(() => {})
    this.#updates.add(update)
  }

  /** The SHA-256 of a file, in hexadecimal digits. */
  async sha256(file: ModelFile): Promise<string> {
    const at = this.#files.indexOf(file)
    for (let from = this.#hashed[at]!; from < file.size; from = this.#hashed[at]!) {
      const to = Math.min(from + BLOCK_BYTES, file.size)
      this.release(file, from, to, await this.read(file, from, to))
    }
    return await this.#hashers[at]!.digest(at)
  }

  #capacity(bytes: number): number {
    if (this.#largest === undefined) return bytes
    return bytes <= BLOCK_BYTES ? BLOCK_BYTES : Math.max(bytes, this.#largest)
  }

  async #take(bytes: number): Promise<SharedArrayBuffer> {
    const capacity = this.#capacity(bytes)
    // A reader that is faster than the hashers would fill the memory.
    while (this.#handed > 0 && this.#handed + capacity > MOST_WAITING) await [...this.#updates][0]
    const at = this.#free.findIndex(({ byteLength }) => byteLength === capacity)
    return at < 0 ? new SharedArrayBuffer(capacity) : this.#free.splice(at, 1)[0]!
  }
}
