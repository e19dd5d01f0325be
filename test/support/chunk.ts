import type { Device, Normalisation, OptimizerSettings } from '../../src/engine/engine.ts'
import type { ObjectiveHooks } from '../../src/engine/hooks.ts'
import type { Blocks } from '../../src/engine/onnx/graph/layers/blocked-kernels.ts'
import { webGpu } from '../../src/engine/onnx/graph/layers/fill-channels.ts'
import { stateNames, trainingGraph, updated } from '../../src/engine/onnx/graph/training-graph.ts'
import { createSession } from '../../src/engine/onnx/session/create-session.ts'
import { hookedBy, hookTensors } from '../../src/engine/onnx/session/hook-tensors.ts'
import { type InferenceSession, Tensor } from '../../src/engine/onnx/session/ort.ts'
import { type Model, sizeOf } from '../../src/model/model.ts'
import type { Weights } from '../../src/weights/weights.ts'

/** Weights and the optimiser's state by name, as they go into a chunk and come out of it. */
export type State = Readonly<Record<string, Float32Array>>

export interface Chunk {
  /** [steps, batch, pixels] */
  readonly images: Uint8Array
  /** [steps, batch] */
  readonly labels: readonly number[]
  readonly steps: number
  readonly lr: number
  /** Updates done before. */
  readonly done: number
  readonly keys?: readonly number[]
}

export interface Trainer {
  /** State of the optimiser at the start of a plan: the weights, and zeros. */
  start(weights: Weights): State
  run(state: State, chunk: Chunk): Promise<{ state: State; losses: Float32Array }>
}

/** The training graph itself, without threads, epochs or shuffles. */
export async function openTrainer(
  model: Model,
  normalise: Normalisation,
  settings: OptimizerSettings,
  { device, blocks, hooks = {} }: { device?: Device; blocks?: Blocks; hooks?: ObjectiveHooks } = {},
): Promise<Trainer> {
  const sessions = new Map<number, Promise<InferenceSession>>()
  const open = (batch: number): Promise<InferenceSession> => {
    const webgpu = device && webGpu(device, batch)
    const missing = webgpu?.zeroImages ?? 0
    const graph = () => trainingGraph(model, normalise, settings, blocks, hookedBy(hooks), webgpu)
    const session = sessions.get(missing) ?? createSession(graph(), device)
    sessions.set(missing, session)
    return session
  }
  const shapes = new Map(
    model.parameters.flatMap(({ name, shape }) =>
      [name, ...stateNames(settings, name)].map((tensor) => [tensor, shape] as const),
    ),
  )
  return {
    start: (weights) =>
      Object.fromEntries(
        [...shapes].map(([name, shape]) => [name, weights.get(name)?.data ?? new Float32Array(sizeOf(shape))]),
      ),
    async run(state, { images, labels, steps, lr, done, keys }) {
      const batch = labels.length / steps
      const feeds: Record<string, Tensor> = {
        images: new Tensor('uint8', images, [steps, batch, sizeOf(model.input)]),
        labels: new Tensor('int32', Int32Array.from(labels), [steps, batch]),
        keys: new Tensor('uint32', Uint32Array.from(keys ?? new Array(steps).fill(0)), [steps]),
        lr: new Tensor('float32', [lr], []),
        step: new Tensor('float32', [done], []),
        ...hookTensors(hooks, model.classes, new Map(), {}),
      }
      for (const [name, shape] of shapes) feeds[name] = new Tensor('float32', state[name]!, shape)
      const result = await (await open(batch)).run(feeds)
      const values = (name: string) => (result[name]!.data as Float32Array).slice()
      return {
        state: Object.fromEntries([...shapes.keys()].map((name) => [name, values(updated(name))])),
        losses: values('losses'),
      }
    },
  }
}
