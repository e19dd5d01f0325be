import { z } from 'zod'
import { balancedSoftmax } from './balanced-softmax.ts'
import type { ObjectivePart } from './objective.ts'

/**
 * Cross-entropy of logits that are shifted by the owner's counts of classes, as balanced-softmax has it, and
 * lambda KL(q ‖ p) over the classes of which it has no image: these it cannot learn from its own, so it keeps what the
 * received model says of them. Where it lacks fewer than two, there is nothing between them to keep.
 */
export const vacantClasses = {
  summary: 'balanced-softmax, and the received model is listened to on the classes that the owner lacks',
  source: 'Guo et al. 2024 (arXiv:2401.02329) (FedVLS), without its logit suppression',
  options: z.strictObject({
    lambda: z.number().gt(0).default(1).describe('for how much the received model counts'),
    least: balancedSoftmax.options.shape.least,
  }),
  make({ lambda, least }) {
    const balanced = balancedSoftmax.make({ tau: 1, least })
    return {
      hooks(start) {
        const classes = Float32Array.from(start.labels, (count) => (count === 0 ? 1 : 0))
        const vacant = classes.reduce((sum, one) => sum + one, 0)
        const teacher = { weights: start.received, beta: lambda, classes }
        return { ...balanced.hooks(start), ...(vacant > 1 && { teacher }) }
      },
    }
  },
} satisfies ObjectivePart<{ lambda: number; least: number }>
