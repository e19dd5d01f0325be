import type { Model } from '../../../model/model.ts'
import { OUT_OF_QUESTION } from '../../hooks.ts'
import { blockedWeights } from './blocked-weights.ts'
import { forward, inferenceSteps } from './forward.ts'
import type { Graph } from './graph.ts'
import { TEACHER_BETA, TEACHER_CLASSES, teacherName } from './hooks.ts'
import type { Blocks } from './layers/blocked-kernels.ts'
import type { WebGpu } from './layers/fill-channels.ts'

/** What cross-entropy has of a batch that its teacher needs too. */
export interface TaughtBatch {
  /** Of the model itself, [N, classes]. */
  readonly logits: string
  readonly oneHot: string
  /** What gradients of an image's loss are multiplied by. */
  readonly factor: string
}

/**
 * The teacher of a plan (see engine/hooks.ts): it looks at the batch once, and gives the gradient of its term with
 * respect to the model's logits, beta (p - q) for each image.
 */
export function openTeacher(
  g: Graph,
  body: Graph,
  x: string,
  model: Model,
  { blocks, webgpu }: { readonly blocks: Blocks | undefined; readonly webgpu: WebGpu | undefined },
): (batch: TaughtBatch) => string {
  const steps = inferenceSteps(model.layers, blocks?.block)
  const orders = blockedWeights(steps, blocks?.block)
  const weights = new Map(
    model.parameters.map(({ name, shape }) => {
      const input = g.input(teacherName(name), 'float32', shape)
      return [name, orders.get(name)?.enter(g, input) ?? input] as const
    }),
  )
  const beta = g.input(TEACHER_BETA, 'float32', [])
  const others = g.op('Sub', [g.scalar(1), g.input(TEACHER_CLASSES, 'float32', [model.classes])])
  const taught = forward(body, steps, x, weights, { ...(blocks && { blocks }), webgpu })
  return ({ logits, oneHot, factor }) => {
    const out = body.op('Mul', [body.op('Max', [oneHot, others]), g.scalar(OUT_OF_QUESTION)])
    const shares = (of: string) => body.op('Softmax', [body.op('Sub', [of, out])], { axis: 1 })
    const difference = body.op('Sub', [shares(logits), shares(taught)])
    return body.op('Mul', [difference, body.op('Mul', [factor, beta])])
  }
}
