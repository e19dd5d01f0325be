import type { Hasher } from '../system/hasher.ts'
import type { ModelFile } from './model/model-file.ts'

/** Bytes that are read at a time where a tensor need not be in memory as a whole. */
export const BLOCK_BYTES = 4 * 2 ** 20

/** Bytes that wait to be hashed, and that wait to be used again. */
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
  readonly #free: SharedArrayBuffer[] = []
  /** Bytes that hashers have. */
  #handed = 0
  /** What they were given and have not done, the oldest first. */
  readonly #updates = new Set<Promise<void>>()

  /** Begins with a file: its header is hashed too. */
  async begin(file: ModelFile, hasher: Hasher): Promise<void> {
    this.#files.push(file)
    this.#hashers.push(hasher)
    this.#hashed.push(0)
    this.release(file, 0, file.start, await this.read(file, 0, file.start))
  }

  /** Bytes of a file, at the start of memory that is given back by `release`. */
  async read(file: ModelFile, from: number, to: number): Promise<SharedArrayBuffer> {
    const buffer = await this.#take(to - from)
    await file.read(from, to, buffer)
    return buffer
  }

  /** Takes back what `read` gave, and hashes it if its turn has come. */
  release(file: ModelFile, from: number, to: number, buffer: SharedArrayBuffer): void {
    const at = this.#files.indexOf(file)
    if (this.#hashed[at] !== from) {
      this.#put(buffer)
      return
    }
    this.#hashed[at] = to
    const { byteLength } = buffer
    this.#handed += byteLength
    const update = this.#hashers[at]!.update(at, buffer, to - from).then(() => {
      this.#updates.delete(update)
      this.#handed -= byteLength
      this.#put(buffer)
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

  async #take(bytes: number): Promise<SharedArrayBuffer> {
    const capacity = Math.max(bytes, BLOCK_BYTES)
    // A reader that is faster than the hashers would fill the memory.
    while (this.#handed > MOST_WAITING) await [...this.#updates][0]
    return this.#find(capacity) ?? new SharedArrayBuffer(capacity)
  }

  #find(capacity: number): SharedArrayBuffer | undefined {
    const at = this.#free.findIndex(({ byteLength }) => byteLength === capacity)
    return at < 0 ? undefined : this.#free.splice(at, 1)[0]
  }

  #put(buffer: SharedArrayBuffer): void {
    this.#free.push(buffer)
    let sum = this.#free.reduce((total, { byteLength }) => total + byteLength, 0)
    // The one that came last fits the next tensor best.
    while (sum > MOST_WAITING && this.#free.length > 1) sum -= this.#free.shift()!.byteLength
  }
}
