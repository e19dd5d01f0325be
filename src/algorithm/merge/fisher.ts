import { z } from 'zod'
import type { Weights } from '../../weights/weights.ts'
import type { AskedStatistic, MergeRule } from './rule.ts'
import { sampledImages, statisticOf } from './shared/statistic.ts'

export interface FisherOptions {
  floor: number
  labels: 'model' | 'true'
  normalise: boolean
  images: number
}

/**
 * Σ Fₖ wₖ / Σ Fₖ of each weight, where Fₖ is its Fisher information at owner k, or the floor if that is larger: a weight of
 * which no owner's images say anything is averaged. The paper's code has the same floor.
 */
export const fisher = {
  summary: 'mean of each weight, by how much the images of each owner say of it (diagonal Fisher information)',
  source: 'Fisher merging: Matena and Raffel 2022, arXiv:2111.09832; floor and normalise as in their code',
  when: 'owners know different things, and each may tell how much of which, in as many numbers again as it has weights',
  needs: 'each',
  options: z.strictObject({
    floor: z.number().gt(0).default(1e-6).describe('least Fisher information of a weight'),
    labels: z
      .enum(['model', 'true'])
      .default('model')
      .describe(
        "labels that the information is of: what the owner's model expects, as in the paper, or its images' own (the empirical Fisher)",
      ),
    normalise: z
      .boolean()
      .default(false)
      .describe(
        "whether an owner's information is divided by its length over all weights, so that none counts more as a whole",
      ),
    images: sampledImages,
  }),
  asks: (options) => [asked(options)],
  make: ({ floor, normalise, ...options }) => ({
    look(_models, owners) {
      const all = owners.map((owner) => statisticOf(owner, asked(options)))
      const units = all.map((one) => (normalise ? lengthOf(one) || 1 : 1))
      return (values, _owners, out, { name }) => {
        const information = all.map((one) => one.get(name)!.data)
        for (let i = 0; i < out.length; i++) {
          let sum = -0 // What leaves every number as it is, -0 too.
          let total = 0
          for (let k = 0; k < values.length; k++) {
            const factor = Math.max(information[k]![i]!, floor) / units[k]!
            sum += factor * values[k]![i]!
            total += factor
          }
          out[i] = sum / total
        }
      }
    },
  }),
} satisfies MergeRule<FisherOptions>

const asked = ({ labels, images }: Pick<FisherOptions, 'labels' | 'images'>): AskedStatistic => ({
  statistic: labels === 'model' ? 'fisher' : 'empirical-fisher',
  images,
})

/** Of all values together. */
function lengthOf(model: Weights): number {
  let sum = 0
  for (const { data } of model.values()) for (const value of data) sum += value ** 2
  return Math.sqrt(sum)
}
