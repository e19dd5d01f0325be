/** Bytes that went to an owner and came from it. */
export interface Traffic {
  readonly owner: number
  /** Models and instructions. */
  readonly down: number
  /** Updates. */
  readonly up: number
}

/** Counts the traffic of a cohort. */
export class TrafficCount {
  readonly #owners: { owner: number; down: number; up: number }[]

  /** @param owners in the order in which they are told */
  constructor(owners: readonly { readonly owner: number }[]) {
    this.#owners = owners.map(({ owner }) => ({ owner, down: 0, up: 0 }))
  }

  /** @param i the owner's place among all */
  down(i: number, bytes: number): void {
    this.#owners[i]!.down += bytes
  }

  up(i: number, bytes: number): void {
    this.#owners[i]!.up += bytes
  }

  /** What was counted since the last time. */
  take(): Traffic[] {
    return this.#owners.map((one) => {
      const { owner, down, up } = one
      one.down = 0
      one.up = 0
      return { owner, down, up }
    })
  }
}
