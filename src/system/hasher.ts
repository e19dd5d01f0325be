import { Worker } from 'node:worker_threads'
import { compiled } from './compiled.ts'
import type { HashAnswer, HashRequest } from './hash-thread.ts'

interface Waiting {
  resolve(answer: HashAnswer): void
  reject(error: Error): void
}

/**
 * SHA-256 of files, piece by piece, in a thread of its own: it takes as long as all else that is done with the bytes of
 * a large file. Memory is shared, not copied.
 */
export class Hasher {
  readonly #thread = new Worker(compiled('hash-thread', import.meta.url))
  readonly #waiting: Waiting[] = []

  constructor() {
    this.#thread.on('message', (answer: HashAnswer) => this.#waiting.shift()!.resolve(answer))
    this.#thread.on('error', (error) => {
      for (const { reject } of this.#waiting.splice(0)) reject(error as Error)
    })
  }

  /**
   * Takes the next bytes of a file, the first ones of `buffer`.
   * @returns when the buffer may be written to again
   */
  async update(file: number, buffer: SharedArrayBuffer, bytes: number): Promise<void> {
    await this.#ask({ file, buffer, bytes })
  }

  /** The digest in hexadecimal digits. */
  digest(file: number): Promise<string> {
    return this.#ask({ file })
  }

  async close(): Promise<void> {
    await this.#thread.terminate()
  }

  #ask(request: HashRequest): Promise<HashAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#thread.postMessage(request)
    })
  }
}
