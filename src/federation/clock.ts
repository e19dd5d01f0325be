/** A stopwatch. */
export class Clock {
  #last = performance.now()
  #stopped = this.#last

  /** Seconds since the last lap, or since the start. */
  lap(): number {
    const before = this.#last
    this.#last = performance.now()
    return (this.#last - before) / 1000
  }

  /** What comes until `go` does not count. */
  stop(): void {
    this.#stopped = performance.now()
  }

  go(): void {
    this.#last += performance.now() - this.#stopped
  }
}
