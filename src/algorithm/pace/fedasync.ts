import { z } from 'zod'
import type { PacePart } from './pace.ts'

/**
 * x ← (1 - α_τ) x + α_τ x_i with α_τ = alpha · s(τ), at each arrival of a model x_i that is τ versions old:
 * s = 1 (constant), (τ + 1)^-a (polynomial), or 1 up to b and 1 / (a (τ - b) + 1) beyond it (hinge).
 */
export const fedasync = {
  summary: 'each model is mixed in as it arrives, the less the older what it came from is',
  source: 'Xie, Koyejo and Gupta 2019 (arXiv:1903.03934), algorithm 1 and section 5.2 (FedAsync)',
  options: z.strictObject({
    alpha: z.number().gt(0).lte(1).default(0.6).describe('share of a fresh model'),
    staleness: z.enum(['constant', 'polynomial', 'hinge']).default('polynomial').describe('how age lessens it'),
    a: z
      .number()
      .gt(0)
      .default(0.5)
      .describe('by how much: the power of polynomial, the slope of hinge (the paper: 10)'),
    b: z.number().min(0).default(4).describe('age in versions up to which hinge does not'),
  }),
  make: ({ alpha, staleness, a, b }) => {
    const s = {
      constant: () => 1,
      polynomial: (age: number) => (age + 1) ** -a,
      hinge: (age: number) => (age <= b ? 1 : 1 / (a * (age - b) + 1)),
    }[staleness]
    return {
      buffer: 1,
      keepsLast: false,
      weight: (age) => alpha * s(age),
      step(tensor, { model }, [arrival], out) {
        const [x, own] = [model.get(tensor)!.data, arrival!.trained.get(tensor)!.data]
        const share = alpha * s(arrival!.staleness)
        for (let i = 0; i < out.length; i++) out[i] = (1 - share) * x[i]! + share * own[i]!
      },
    }
  },
} satisfies PacePart<{ alpha: number; staleness: 'constant' | 'polynomial' | 'hinge'; a: number; b: number }>
