import { z } from 'zod'
import type { MergedModel, MergeRule, OwnerFacts } from './rule.ts'
import { weightedMean } from './shared/weighted-mean.ts'

/**
 * Row c of the last dense layer, weights and bias, is Σ nₖ wₖ / Σ nₖ over the owners with nₖ images of class c to train
 * on; a class that nobody has keeps the row of the model that was received. All other tensors are averaged.
 */
export const classRows = {
  summary: 'rows of the last dense layer come from the owners that have the class, all else is averaged',
  source:
    'ours; after Li and Zhan 2021 (FedRS, doi:10.1145/3447548.3467254): rows of absent classes are only pushed away',
  when: 'owners have different classes, and tell how many images of each',
  needs: 'each',
  options: z.strictObject({
    weights: z
      .enum(['images', 'equal'])
      .default('images')
      .describe('for how much an owner counts in a row: by its images of the class, or all that have some the same'),
  }),
  uses: () => ['base', 'labels'],
  checkModel(_, { shapes, classes, lastLayer = 'dense' }) {
    if (lastLayer !== 'dense') return `the last layer is ${lastLayer}: no row of a dense layer belongs to a class`
    const rows = rowsOf(shapes)
    if (rows === undefined) return 'the model has no dense layer'
    if (rows.count === classes) return undefined
    return `the last dense layer, ${rows.weight}, has ${rows.count} rows, but there are ${classes} classes`
  },
  make: ({ weights }) => ({
    look(models, owners) {
      const shapes = new Map([...models[0]!].map(([name, { shape }]) => [name, shape]))
      const rows = rowsOf(shapes)
      if (rows === undefined) throw new Error('the model has no dense layer')
      const factorsOfClass = Array.from({ length: rows.count }, (_, label) =>
        owners.map((owner) => {
          const images = imagesOf(owner, rows.count)[label]!
          return weights === 'images' ? images : Math.sign(images)
        }),
      )
      const same = owners.map(() => 1)
      return (values, _owners, out, { name, base }) => {
        if (name !== rows.weight && name !== rows.bias) return weightedMean(values, same, out)
        const length = out.length / rows.count
        for (const [label, factors] of factorsOfClass.entries()) {
          const [from, end] = [label * length, (label + 1) * length]
          if (factors.some((factor) => factor > 0)) weightedMean(values, factors, out, from, end)
          else for (let i = from; i < end; i++) out[i] = values.some((w) => Number.isNaN(w[i])) ? Number.NaN : base![i]!
        }
      }
    },
  }),
} satisfies MergeRule<{ weights: 'images' | 'equal' }>

/** The last dense layer: a weight of [units, features] and, if there is one, its bias of [units]. */
function rowsOf(shapes: MergedModel['shapes']) {
  const last = [...shapes].findLast(([, shape]) => shape.length === 2)
  if (!last) return undefined
  const [weight, [count]] = last
  return { weight, bias: weight.replace(/weight$/, 'bias'), count: count! }
}

function imagesOf({ owner, trainLabels }: OwnerFacts, classes: number): readonly number[] {
  if (trainLabels?.length === classes) return trainLabels
  const what = trainLabels ? `of ${trainLabels.length} classes, not ${classes}` : 'of no class'
  throw new Error(`owner ${owner} tells numbers of images ${what}`)
}
