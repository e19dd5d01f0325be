import { z } from 'zod'
import { mapTensors } from '../../weights/map-tensors.ts'
import { type AttackPart, hostileOwners } from './attack.ts'

/** A hostile owner goes the other way: w - scale (w_i - w), where w is the model that it received. */
export const signFlip = {
  summary: "hands in its update with the sign reversed, at a multiple of the update's length",
  source: 'Li et al. 2019, RSA (arXiv:1811.03761), sign-flipping attack',
  options: z.strictObject({
    owners: hostileOwners,
    scale: z.number().gt(0).default(5).describe('how many times as long as its own update'),
  }),
  make: ({ owners, scale }) => ({
    owners,
    disguise: (received, trained) =>
      mapTensors(trained, (data, name) => {
        const from = received.get(name)!.data
        return data.map((value, i) => from[i]! - scale * (value - from[i]!))
      }),
  }),
} satisfies AttackPart<{ owners: number; scale: number }>
