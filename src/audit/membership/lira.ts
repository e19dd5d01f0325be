import { mean } from '../../stats.ts'

/** How confident a shadow model is of each image, and on which of them it was trained. */
export interface Shadow {
  readonly confidence: Float64Array
  readonly trainedOn: readonly boolean[]
}

/**
 * How much more likely each confidence of the attacked model is if it was trained on the image than if not: the log of
 * the ratio of two Gaussians, whose means are those of the shadow models that were and were not trained on the image.
 * The variances are over all images: for one of them there are too few models.
 * Source: Carlini et al. 2022 (arXiv:2112.03570), algorithm 1, with the global variance of section VI-B.
 * @param shadows each image is in some of them and not in others
 */
export function lira(attacked: Float64Array, shadows: readonly Shadow[]): Float64Array {
  const [inside, outside] = [statistics(shadows, true), statistics(shadows, false)]
  const logDensity = (x: number, center: number, variance: number) =>
    -((x - center) ** 2) / (2 * variance) - Math.log(variance) / 2
  return attacked.map((x, i) => {
    return logDensity(x, inside.means[i]!, inside.variance) - logDensity(x, outside.means[i]!, outside.variance)
  })
}

/** Below that, all shadow models agree, and any other confidence would count without bounds. */
const LEAST_VARIANCE = 1e-6

function statistics(shadows: readonly Shadow[], trained: boolean) {
  const images = shadows[0]!.confidence.length
  const means = new Float64Array(images)
  let squares = 0
  let freedom = 0
  for (let i = 0; i < images; i++) {
    const values = shadows.filter(({ trainedOn }) => trainedOn[i] === trained).map(({ confidence }) => confidence[i]!)
    means[i] = mean(values)
    for (const value of values) squares += (value - means[i]!) ** 2
    freedom += values.length - 1
  }
  return { means, variance: Math.max(LEAST_VARIANCE, squares / Math.max(1, freedom)) }
}
