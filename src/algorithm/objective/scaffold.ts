import { z } from 'zod'
import { mapTensors } from '../../weights/map-tensors.ts'
import { numberAsWeights, weightsAsNumber } from '../../weights/number.ts'
import type { Weights } from '../../weights/weights.ts'
import type { Objective, ObjectivePart, OwnerStart } from './objective.ts'
import { generalScaffold } from './scaffold-general.ts'
import { needsMeanOfAll, needsMeans } from './setting.ts'

/**
 * SCAFFOLD in two forms. Without uploads: option II, if all owners take part in each round: y ← y - η (g + c - c_i). Then c - c_i follows from what an
 * owner has anyway, and nothing is sent for it: c - c_i ← c - c_i + (y_K - w) / (K η), with the owner's weights y_K after
 * its K steps and the model w that it receives next. In the first round it is 0. With momentum, K is the number of
 * steps of plain SGD that go as far.
 *
 * The rounds lead to where Σ p_i K_i ∇F_i = 0, with the weights p_i of the merge: if owners make different numbers of
 * steps, avg counts them by their steps, as the pooled loss does.
 *
 * The general form sends control variates, and lets owners be absent.
 */
export const scaffold = {
  summary: 'the gradient is corrected by how it differs from that of all: rounds lead to the pooled optimum',
  source:
    'Karimireddy et al. 2020 (arXiv:1910.06378), option II; Scaffnew (Mishchenko et al. 2022, arXiv:2202.09357) with p = 1/K is the same',
  options: z.strictObject({
    // Without a default, so that what was chosen before there were two stays what it was.
    form: z
      .enum(['upload-free', 'general'])
      .optional()
      .describe(
        'general sends control variates both ways, and owners may be absent; default: upload-free, and general with participants',
      )
      .meta({ examples: ['general'] }),
  }),
  check: (setting, { form }) => (form === 'general' ? needsMeanOfAll : needsMeans)(setting),
  make: ({ form }) => (form === 'general' ? generalScaffold : uploadFree),
} satisfies ObjectivePart<{ form?: 'upload-free' | 'general' | undefined }>

const uploadFree: Objective = {
  hooks(start) {
    const shift = correction(start)
    return shift && { gradient: { shift } }
  },
  end({ trained, steps, lr, ...start }) {
    const shift = correction(start)
    return { state: { ...(shift && { shift }), trained, unit: numberAsWeights(steps * lr) } }
  },
}

/** c - c_i of the round that begins; undefined in an owner's first. */
function correction({ received, state }: OwnerStart): Weights | undefined {
  const { shift, trained, unit } = state
  if (!trained || !unit) return undefined
  const perUnit = weightsAsNumber(unit)
  return mapTensors(received, (w, name) => {
    const [before, y] = [shift?.get(name)?.data, trained.get(name)!.data]
    return w.map((value, i) => (before?.[i] ?? 0) + (y[i]! - value) / perUnit)
  })
}
