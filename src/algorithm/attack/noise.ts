import { z } from 'zod'
import { normal } from '../../random.ts'
import { mapTensors } from '../../weights/map-tensors.ts'
import { type AttackPart, hostileOwners } from './attack.ts'

/**
 * A hostile owner hands in w + s z, where w is the model that it received, z is standard normal, and s is `scale` times
 * the root mean square of its own update in that tensor.
 */
export const noise = {
  summary: 'hands in the received model with Gaussian noise, at a multiple of the length of its update',
  source: 'Blanchard et al. 2017, Krum (arXiv:1703.02757), Gaussian attackers; here scaled by the update',
  options: z.strictObject({
    owners: hostileOwners,
    scale: z.number().gt(0).default(50).describe('how many times as long as its own update, tensor by tensor'),
  }),
  make: ({ owners, scale }) => ({
    owners,
    disguise: (received, trained, random) =>
      mapTensors(trained, (data, name) => {
        const from = received.get(name)!.data
        const drawn = random(name)
        const s = scale * Math.sqrt(data.reduce((sum, value, i) => sum + (value - from[i]!) ** 2, 0) / data.length)
        return data.map((_, i) => from[i]! + s * normal(drawn))
      }),
  }),
} satisfies AttackPart<{ owners: number; scale: number }>
