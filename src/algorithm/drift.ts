import type { WeightPool } from '../weights/pool.ts'
import type { Weights } from '../weights/weights.ts'

/**
 * How far the owners' weights lie apart, for each tensor: √(1/k Σ‖wₖ - w̄‖²) / ‖w̄‖, their root mean square distance
 * from the mean w̄ in units of its length. 0: all the same; above 1: the owners differ more than they share.
 * Owners are added one at a time, and none is held.
 */
export class Drift {
  readonly #pool: WeightPool
  #owners = 0
  readonly #tensors = new Map<string, { readonly sums: Float64Array; squares: number }>()

  constructor(pool: WeightPool) {
    this.#pool = pool
  }

  add(weights: Weights): void {
    this.#owners += 1
    for (const [name, { data }] of weights) {
      const tensor = this.#tensors.get(name) ?? { sums: this.#pool.doubles(data.length).fill(0), squares: 0 }
      tensor.squares = accumulate(data, tensor.sums, tensor.squares)
      this.#tensors.set(name, tensor)
    }
  }

  /** The drift of the owners added, which is over. */
  finish(): Record<string, number> {
    const owners = this.#owners
    const drifts = [...this.#tensors].map(([name, { sums, squares }]) => {
      // Σ‖wₖ - w̄‖² = Σ‖wₖ‖² - k‖w̄‖², which rounding may leave a little below 0 if all are equal.
      const meanSquare = squaresOfMeans(sums, owners)
      this.#pool.release(sums)
      const apart = Math.max(0, squares / owners - meanSquare)
      return [name, meanSquare === 0 ? 0 : Math.sqrt(apart / meanSquare)] as const
    })
    this.#tensors.clear()
    return Object.fromEntries(drifts)
  }
}

/**
 * Adds values to `sums`; returns `squares` with theirs added. Four sums of squares that do not wait for one another are
 * quicker than one.
 */
function accumulate(values: Float32Array, sums: Float64Array, squares: number): number {
  const most = values.length - (values.length % 4)
  let s = 0
  let t = 0
  let u = 0
  let v = 0
  for (let i = 0; i < most; i += 4) {
    const a = values[i]!
    const b = values[i + 1]!
    const c = values[i + 2]!
    const d = values[i + 3]!
    sums[i]! += a
    sums[i + 1]! += b
    sums[i + 2]! += c
    sums[i + 3]! += d
    s += a * a
    t += b * b
    u += c * c
    v += d * d
  }
  for (let i = most; i < values.length; i++) {
    sums[i]! += values[i]!
    s += values[i]! ** 2
  }
  return squares + (s + t + u + v)
}

/** A loop, because `reduce` makes an object of every number that it comes to. */
function squaresOfMeans(sums: Float64Array, owners: number): number {
  let total = 0
  for (let i = 0; i < sums.length; i++) total += (sums[i]! / owners) ** 2
  return total
}
