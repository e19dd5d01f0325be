import type { Learner } from '../../engine/engine.ts'
import { initialWeights } from '../../model/init.ts'
import type { Model } from '../../model/model.ts'
import { range, shuffle, stream } from '../../random.ts'
import type { Shadow } from './lira.ts'
import { confidence, lossesOf } from './losses.ts'

export interface ShadowPlan {
  readonly learner: Learner
  readonly model: Model
  readonly seed: number
  /** How many models; each image is trained on by half of them. */
  readonly shadows: number
  readonly epochs: number
  readonly batch: number
  readonly lr: number
}

/** Models that are trained on halves of the images, each with initial weights of its own. */
export async function trainShadows(images: Uint32Array, plan: ShadowPlan): Promise<Shadow[]> {
  const { learner, model, seed, shadows, epochs, batch, lr } = plan
  const random = stream(seed, 'audit', 'shadows')
  /** Of each image, which models are trained on it. */
  const chosen = Array.from(images, () => new Set(shuffle(range(shadows), random).slice(0, Math.floor(shadows / 2))))
  return await Promise.all(
    Array.from({ length: shadows }, async (_, k) => {
      const trainedOn = chosen.map((models) => models.has(k))
      const own = { owner: k + 1, name: `shadow model ${k + 1}`, round: 0, test: new Uint32Array() }
      const train = images.filter((_, i) => trainedOn[i])
      const how = { batch, lr, epochs, untilAccuracy: undefined, evaluate: false }
      const start = initialWeights(model, seed, k + 1)
      const { weights } = await learner.train(start, { ...own, train, ...how }, () => {})
      return { trainedOn, confidence: (await lossesOf(learner, weights, images)).map(confidence) }
    }),
  )
}
