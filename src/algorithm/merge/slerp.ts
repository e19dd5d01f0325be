import { z } from 'zod'
import type { Weights } from '../../weights/weights.ts'
import type { MergeRule } from './rule.ts'

/**
 * sin((1 - t)θ) / sin θ · w₁ + sin(tθ) / sin θ · w₂ with θ the angle between w₁ and w₂, each tensor as a vector or the
 * whole model as one. Where they are nearly parallel, or one of them is 0, it is (1 - t) w₁ + t w₂.
 */
export const slerp = {
  summary: 'a point on the arc between two owners: it keeps the length of weights that the mean shortens',
  source: 'Shoemake 1985 (doi:10.1145/325165.325242); on tensors as in mergekit (arXiv:2403.13257)',
  when: 'exactly two owners whose weights point in different directions; after a round from one model they hardly do, and it is close to avg',
  needs: 'each',
  options: z.strictObject({
    t: z.number().gt(0).lt(1).default(0.5).describe('how far from the first owner to the second'),
    over: z.enum(['tensor', 'model']).default('tensor').describe('what is one vector: each tensor, or the whole model'),
  }),
  undefinedOn: (_, owners) => (owners === 2 ? undefined : `it is between two owners, there are ${owners}`),
  make: ({ t, over }) => ({
    look(models) {
      const [one, other] = models as [Weights, Weights]
      const pairs = [...one].map(([name, { data }]) => [data, other.get(name)!.data] as const)
      const ofModel = over === 'model' ? factorsAt(t, pairs) : undefined
      return (values, _owners, out) => {
        const [a, b] = values as [Float32Array, Float32Array]
        const [first, second] = ofModel ?? factorsAt(t, [[a, b]])
        for (let i = 0; i < out.length; i++) out[i] = first * a[i]! + second * b[i]!
      }
    },
  }),
} satisfies MergeRule<{ t: number; over: 'tensor' | 'model' }>

/** Above this the sine of the angle is too small to divide by (Shoemake's case of nearly equal directions). */
const PARALLEL = 0.9995

function factorsAt(t: number, pairs: readonly (readonly [Float32Array, Float32Array])[]): [number, number] {
  let [dot, a2, b2] = [0, 0, 0]
  for (const [a, b] of pairs) {
    for (let i = 0; i < a.length; i++) {
      dot += a[i]! * b[i]!
      a2 += a[i]! ** 2
      b2 += b[i]! ** 2
    }
  }
  const cosine = a2 === 0 || b2 === 0 ? 1 : dot / Math.sqrt(a2) / Math.sqrt(b2)
  if (Math.abs(cosine) > PARALLEL) return [1 - t, t]
  const angle = Math.acos(cosine)
  return [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)]
}
