/** What an owner has trained on in a round, and how. */
export interface TrainedSteps {
  readonly epochs: number
  /** In the shard. */
  readonly images: number
  readonly batch: number
  /** Of the optimizer; 0 if it has none. */
  readonly momentum: number
}

/** How many steps of plain SGD go as far as an owner's training: one for each mini-batch, and more with momentum. */
export const stepsOf = ({ epochs, images, batch, momentum }: TrainedSteps): number =>
  effectiveSteps(epochs * Math.ceil(images / batch), momentum)

/**
 * How many steps of plain SGD go as far as so many with momentum, if the gradient is the same in all of them:
 * (K - ρ (1 - ρ^K) / (1 - ρ)) / (1 - ρ), which is K without momentum.
 * Source: Wang et al. 2020, arXiv:2007.07481: the sum of what each gradient weighs in the way of the weights.
 */
export const effectiveSteps = (steps: number, momentum: number): number =>
  (steps - (momentum * (1 - momentum ** steps)) / (1 - momentum)) / (1 - momentum)
