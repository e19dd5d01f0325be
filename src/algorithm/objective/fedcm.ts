import { z } from 'zod'
import { mapTensors } from '../../weights/map-tensors.ts'
import { numberAsWeights, weightsAsNumber } from '../../weights/number.ts'
import { copyWeights } from '../../weights/weights.ts'
import type { ObjectivePart } from './objective.ts'
import { needsMeans } from './setting.ts'

/**
 * g ← alpha g + (1 - alpha) Δ with Δ = (w_{t-1} - w_t) / (K η), what the round before went in each of its steps; in the
 * first round Δ is 0. An owner knows both models, so it makes Δ itself, with its own K and η.
 */
export const fedcm = {
  summary: 'each gradient is mixed with the direction in which the round before went',
  source: 'Xu et al. 2021 (arXiv:2106.10874) (FedCM)',
  options: z.strictObject({
    alpha: z.number().gt(0).lt(1).default(0.1).describe("share of the owner's own gradient"),
  }),
  check: needsMeans,
  make: ({ alpha }) => ({
    hooks({ received, state: { before, unit } }) {
      if (!before || !unit) return { gradient: { scale: alpha } }
      const share = (1 - alpha) / weightsAsNumber(unit)
      const shift = mapTensors(received, (w, name) => {
        const last = before.get(name)!.data
        return w.map((value, i) => share * (last[i]! - value))
      })
      return { gradient: { scale: alpha, shift } }
    },
    end: ({ received, steps, lr }) => ({
      state: { before: copyWeights(received), unit: numberAsWeights(steps * lr) },
    }),
  }),
} satisfies ObjectivePart<{ alpha: number }>
