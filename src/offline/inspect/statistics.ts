/** What the values of a tensor are like. Norm, extremes and mean are of its finite values; NaN if it has none. */
export interface Statistics {
  /** √Σ x² */
  readonly norm: number
  readonly min: number
  readonly max: number
  readonly mean: number
  /** Counts of NaN, and of infinite values of either sign. */
  readonly nan: number
  readonly infinite: number
}

/** Gathers them, in double precision, over values that come in pieces. */
export class Gathered {
  #values = 0
  #sum = 0
  #squares = 0
  #min = Number.POSITIVE_INFINITY
  #max = Number.NEGATIVE_INFINITY
  #nan = 0
  #infinite = 0

  add(values: ArrayLike<number | bigint>): void {
    let [sum, squares, min, max, finite] = [0, 0, this.#min, this.#max, 0]
    for (let i = 0; i < values.length; i++) {
      const value = Number(values[i])
      if (value - value !== 0) {
        if (Number.isNaN(value)) this.#nan += 1
        else this.#infinite += 1
        continue
      }
      finite += 1
      sum += value
      squares += value * value
      if (value < min) min = value
      if (value > max) max = value
    }
    this.#values += finite
    this.#sum += sum
    this.#squares += squares
    this.#min = min
    this.#max = max
  }

  /** Adds what another one gathered. */
  join(other: Gathered): void {
    this.#values += other.#values
    this.#sum += other.#sum
    this.#squares += other.#squares
    this.#min = Math.min(this.#min, other.#min)
    this.#max = Math.max(this.#max, other.#max)
    this.#nan += other.#nan
    this.#infinite += other.#infinite
  }

  get statistics(): Statistics {
    const none = this.#values === 0
    return {
      norm: none ? Number.NaN : Math.sqrt(this.#squares),
      min: none ? Number.NaN : this.#min,
      max: none ? Number.NaN : this.#max,
      mean: this.#sum / this.#values,
      nan: this.#nan,
      infinite: this.#infinite,
    }
  }
}
