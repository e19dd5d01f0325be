/** How the last layer changed in an update: new less old. */
export interface LastLayerChange {
  /** [classes, features], row-major. */
  readonly rows: Float32Array
  /** [classes]. */
  readonly bias: Float32Array
}

export interface FoundLabels {
  /** Whether the owner has images of a class. */
  readonly present: readonly boolean[]
  /** The share of each class in its images; they add up to 1, unless no class was found. */
  readonly shares: readonly number[]
}

/**
 * Which classes an update was trained on. An image of class y moves row c of the last layer by -lr (p_c - [c = y]) h,
 * and its bias by the same without h. If the features h come out of ReLU, no image of another class can raise any part
 * of row c: whatever rose says that the class is there (`by: signs`). If noise or a penalty moves weights too, a class
 * is taken for there if its row rose in sum (`by: sums`).
 *
 * The shares are as what rose in each row, to a power: 1 is right for a single step, and rows of classes that an owner
 * has much of rise less and less in further steps.
 * Source: signs from Zhao et al. 2020 (arXiv:2001.02610), eq. 3; magnitudes from Wainakh et al. 2021 (arXiv:2105.09369);
 * the power is ours.
 */
export function labelsOfUpdate({ rows, bias }: LastLayerChange, by: 'signs' | 'sums', power: number): FoundLabels {
  const features = rows.length / bias.length
  const risen = Array.from(bias, (change, c) => {
    let [up, all] = [Math.max(0, change), change]
    for (const one of rows.subarray(c * features, (c + 1) * features)) {
      up += Math.max(0, one)
      all += one
    }
    return by === 'signs' ? up : Math.max(0, all)
  })
  const powers = risen.map((up) => up ** power)
  const whole = powers.reduce((sum, one) => sum + one, 0)
  return {
    present: risen.map((up) => up > 0),
    shares: powers.map((one) => (whole === 0 ? 0 : one / whole)),
  }
}
