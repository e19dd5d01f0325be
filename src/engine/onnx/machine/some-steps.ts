import { initialWeights } from '../../../model/init.ts'
import { type Model, sizeOf } from '../../../model/model.ts'
import type { Weights } from '../../../weights/weights.ts'
import type { OptimizerSettings } from '../../engine.ts'
import type { Blocks } from '../graph/layers/blocked-kernels.ts'
import { stateNames, trainingGraph, updated } from '../graph/training-graph.ts'
import { createSession } from '../session/create-session.ts'
import { type InferenceSession, Tensor } from '../session/ort.ts'

const NORMALISE = { mean: 0.5, std: 0.5 }
const OPTIMIZER: OptimizerSettings = { kind: 'momentum', momentum: 0.9, weightDecay: 0 }

/** A few steps of training on images that are always the same, to see what a processor makes of them. */
export interface SomeSteps {
  /** The weights after the steps. */
  run(): Promise<Map<string, Float32Array>>
  release(): Promise<void>
}

export async function openSteps(
  model: Model,
  { steps, batch }: { readonly steps: number; readonly batch: number },
  blocks?: Blocks,
): Promise<SomeSteps> {
  const graph = trainingGraph(model, NORMALISE, OPTIMIZER, blocks)
  const session: InferenceSession = await createSession(graph)
  const pixels = sizeOf(model.input)
  const images = Uint8Array.from({ length: steps * batch * pixels }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24)
  const labels = Int32Array.from({ length: steps * batch }, (_, i) => i % model.classes)
  const weights: Weights = initialWeights(model, 0)
  const state = [...weights].flatMap(([name, { shape, data }]) => [
    [name, new Tensor('float32', data, shape)] as const,
    ...stateNames(OPTIMIZER, name).map(
      (n) => [n, new Tensor('float32', new Float32Array(data.length), shape)] as const,
    ),
  ])
  const feeds = {
    ...Object.fromEntries(state),
    images: new Tensor('uint8', images, [steps, batch, pixels]),
    labels: new Tensor('int32', labels, [steps, batch]),
    keys: new Tensor('uint32', new Uint32Array(steps), [steps]),
    lr: new Tensor('float32', [0.05], []),
    step: new Tensor('float32', [0], []),
  }
  return {
    async run() {
      const result = await session.run(feeds)
      return new Map([...weights.keys()].map((name) => [name, result[updated(name)]!.data as Float32Array]))
    },
    release: () => session.release(),
  }
}
