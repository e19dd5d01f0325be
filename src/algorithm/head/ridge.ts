import { z } from 'zod'
import { type HeadPart, headOf, headOptions } from './head.ts'
import { solveRidge } from './solve.ts'

/** W = (Σ z zᵀ + lambda I)⁻¹ Σ z yᵀ: the least squares from features to labels as ones and zeros, over all owners. */
export const ridge = {
  summary: 'least squares from features to labels, from sums over all owners',
  source: 'Fanì et al. 2024 (arXiv:2406.01116), eq. 4 and its random features (Fed3R-RF)',
  options: z.strictObject(headOptions),
  make: ({ lambda, random }) => ({
    random,
    async fit({ gram: a, cross: b, size, classes, images }, signal?: AbortSignal) {
      return headOf(await solveRidge({ a, b, size, images }, lambda, signal), { size, classes })
    },
  }),
} satisfies HeadPart<{ lambda: number; random: number }>
