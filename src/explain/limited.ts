import { mapTensors } from '../weights/map-tensors.ts'
import type { Weights } from '../weights/weights.ts'

/** Far below any logit, and finite. */
const NEVER = -1e30

/**
 * The model that chooses among some classes alone: the logits of the others can never win.
 * @param last name of the last layer
 * @param classes those that may be chosen
 */
export function limitedTo(weights: Weights, last: string, classes: readonly number[]): Weights {
  const [weight, bias] = [weights.get(`${last}.weight`)!, weights.get(`${last}.bias`)!]
  const [rows, offsets] = [weight.data.slice(), bias.data.slice()]
  const features = rows.length / offsets.length
  for (let c = 0; c < offsets.length; c++) {
    if (classes.includes(c)) continue
    rows.fill(0, c * features, (c + 1) * features)
    offsets[c] = NEVER
  }
  return new Map(weights)
    .set(`${last}.weight`, { ...weight, data: rows })
    .set(`${last}.bias`, { ...bias, data: offsets })
}

/** The point between two models, a share of the way from the one to the other. */
export const between = (one: Weights, other: Weights, share: number): Weights =>
  mapTensors(one, (from, name) => {
    const to = other.get(name)!.data
    return from.map((value, i) => (1 - share) * value + share * to[i]!)
  })
