/**
 * How many steps of plain SGD go as far as so many with momentum, if the gradient is the same in all of them:
 * (K - ρ (1 - ρ^K) / (1 - ρ)) / (1 - ρ), which is K without momentum.
 * Source: Wang et al. 2020, arXiv:2007.07481: the sum of what each gradient weighs in the way of the weights.
 */
export const effectiveSteps = (steps: number, momentum: number): number =>
  (steps - (momentum * (1 - momentum ** steps)) / (1 - momentum)) / (1 - momentum)
