import type { FileHandle } from 'node:fs/promises'
import { flush } from '../../system/flush.ts'

/** Bytes that are written before what is there is flushed. */
const EVERY = 64 * 2 ** 20

/**
 * Begins to put a file on the disk while it is still being written: the disk works beside the processor, and little is
 * left to flush at the end.
 */
export class FlushAhead {
  readonly #file: FileHandle
  #waiting = 0
  #flushing: Promise<void> | undefined
  #failed: { readonly error: unknown } | undefined

  constructor(file: FileHandle) {
    this.#file = file
  }

  /** @param bytes that were written */
  wrote(bytes: number): void {
    this.#waiting += bytes
    if (this.#waiting < EVERY || this.#flushing) return
    this.#waiting = 0
    this.#flushing = flush(this.#file, 'datasync')
      .catch((error: unknown) => {
        this.#failed ??= { error }
      })
      .finally(() => {
        this.#flushing = undefined
      })
  }

  /**
   * Puts all of it on the disk.
   * @throws what any flush failed with: the system tells each failure once
   */
  async finish(): Promise<void> {
    await this.#flushing
    if (this.#failed) throw this.#failed.error
    await flush(this.#file)
  }
}
