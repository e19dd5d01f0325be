import { z } from 'zod'
import { avg } from './avg.ts'
import type { AskedStatistic, MergeRule } from './rule.ts'
import { regressionMean } from './shared/regression-mean.ts'
import { sampledImages, statisticOf } from './shared/statistic.ts'

/**
 * For each dense layer (Σ Gₖ)⁻¹ Σ Gₖ Wₖ, where Gₖ is Xₖᵀ Xₖ of the layer's inputs at owner k, and what lies outside of its
 * diagonal is multiplied by alpha: the W whose outputs are nearest to those of each owner's own layer on its own inputs.
 * Biases and convolutions are averaged. With alpha 0 it is a mean of each weight, by how large the owners' inputs are.
 */
export const regmean = {
  summary: "dense layers by least squares, on the owners' own inputs and outputs; all else is averaged",
  source: 'RegMean: Jin et al. 2023, arXiv:2212.09849, eq. 2-3; their code has alpha 0.9 and 0.1',
  when: "beside another rule, to see what owners' inputs say of how to merge; if it drives a run, weights grow and training may diverge",
  needs: 'each',
  options: z.strictObject({
    alpha: z
      .number()
      .min(0)
      .max(1)
      .default(0.9)
      .describe(
        'factor of the products of different inputs: the smaller it is, the nearer to a mean of each weight by itself',
      ),
    images: sampledImages,
  }),
  asks: (options) => [asked(options)],
  checkModel: (_, { shapes }) =>
    [...shapes.values()].some((shape) => shape.length === 2) ? undefined : 'the model has no dense layer',
  make: ({ alpha, images }) => ({
    look(_models, owners) {
      const all = owners.map((owner) => statisticOf(owner, asked({ images })))
      const mean = avg.make()
      return (values, facts, out, { name }) => {
        const grams = all.flatMap((one) => one.get(name)?.data ?? [])
        if (grams.length === all.length) regressionMean(values, { grams, alpha }, out)
        else mean(values, facts, out)
      }
    },
  }),
} satisfies MergeRule<{ alpha: number; images: number }>

const asked = ({ images }: { readonly images: number }): AskedStatistic => ({ statistic: 'grams', images })
