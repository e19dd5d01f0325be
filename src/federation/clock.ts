/** A stopwatch. */
export class Clock {
  #last = performance.now()

  /** Seconds since the last lap, or since the start. */
  lap(): number {
    const before = this.#last
    this.#last = performance.now()
    return (this.#last - before) / 1000
  }
}
