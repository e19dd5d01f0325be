import { z } from 'zod'
import { mapTensors } from '../../weights/map-tensors.ts'
import type { StepTensor } from '../server/server-step.ts'
import type { ObjectivePart } from './objective.ts'
import { needsMeans } from './setting.ts'

/**
 * F_k(y) - <λ_k, y> + alpha/2 ‖y - w_t‖², and after the round λ_k ← λ_k - alpha (y - w_t): an owner keeps -λ_k, and
 * sends its weights alone. The server has h ← h - alpha (mean y - w_t) and w ← mean y - h / alpha.
 */
export const feddyn = {
  summary: 'the loss, a pull back to what was received, and a slope that grows until all owners agree',
  source: 'Acar et al. 2021 (arXiv:2111.04263), algorithm 1, with all owners in each round',
  options: z.strictObject({
    alpha: z.number().gt(0).default(0.1).describe('strength of pull and slope; 0.01 to 1 are usual'),
  }),
  check: needsMeans,
  make: ({ alpha }) => ({
    hooks: ({ received, state: { shift } }) => ({
      gradient: { proximal: { mu: alpha, anchor: received }, ...(shift && { shift }) },
    }),
    end({ received, trained, state }) {
      const shift = mapTensors(trained, (y, name) => {
        const [before, w] = [state.shift?.get(name)?.data, received.get(name)!.data]
        return y.map((value, i) => (before?.[i] ?? 0) + alpha * (value - w[i]!))
      })
      return { state: { shift } }
    },
    step: { slots: { ahead: 0 }, step: goOn },
  }),
} satisfies ObjectivePart<{ alpha: number }>

/** In terms of -h / alpha, which is all the ways of all rounds together, alpha has no part in the server's step. */
const goOn: StepTensor = (x, merged, { ahead }, out) => {
  for (let i = 0; i < out.length; i++) {
    ahead![i] = ahead![i]! + (merged[i]! - x[i]!)
    out[i] = merged[i]! + ahead![i]!
  }
}
