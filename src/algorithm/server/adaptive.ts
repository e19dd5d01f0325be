import { z } from 'zod'
import type { ServerStep } from './server-step.ts'

interface AdaptiveOptions {
  readonly lr: number
  readonly beta1: number
  readonly tau: number
  readonly v0: number
}

/**
 * The options of server steps that go in units of how large a weight's changes are.
 * @param squares what a step has of its own, about v
 */
export const adaptiveOptions = <S extends object>(
  { lr, beta1 }: Pick<AdaptiveOptions, 'lr' | 'beta1'>,
  squares: S = {} as S,
) => ({
  lr: z.number().gt(0).default(lr).describe("the server's learning rate, in units of a weight"),
  beta1: z.number().min(0).lt(1).default(beta1).describe('share of the mean of changes that is kept'),
  ...squares,
  tau: z.number().gt(0).default(0.001).describe('added to the size: the larger, the less adaptive'),
  v0: z.number().min(0).default(0).describe('what the squares begin with; the paper asks for tau² or more'),
})

/** Share of the mean of squares that is kept, for steps that have such a mean. */
export const beta2 = z.number().min(0).lt(1).default(0.99).describe('share of the mean of their squares that is kept')

/**
 * With Δ = merged - x: m ← beta1 · m + (1 - beta1) · Δ, v ← grown(v, Δ²), x ← x + lr · m / (√v + tau). There is no bias
 * correction; m is 0 and v is v0 before the first round (Reddi et al. 2021, arXiv:2003.00295, algorithm 2).
 */
export const adaptive = <O extends AdaptiveOptions>(
  grown: (options: O) => (v: number, square: number) => number,
): Pick<ServerStep<O>, 'slots' | 'make'> => ({
  slots: ({ v0 }) => ({ m: 0, v: v0 }),
  make(options) {
    const { lr, beta1, tau } = options
    const grow = grown(options)
    return (x, merged, { m, v }, out) => {
      for (let i = 0; i < out.length; i++) {
        const change = merged[i]! - x[i]!
        m![i] = beta1 * m![i]! + (1 - beta1) * change
        v![i] = grow(v![i]!, change ** 2)
        out[i] = x[i]! + (lr * m![i]!) / (Math.sqrt(v![i]!) + tau)
      }
    }
  },
})
