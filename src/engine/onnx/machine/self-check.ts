import { initialWeights } from '../../../model/init.ts'
import { buildModel, type Model, sizeOf } from '../../../model/model.ts'
import type { Weights } from '../../../weights/weights.ts'
import type { OptimizerSettings } from '../../engine.ts'
import { Graph } from '../graph/graph.ts'
import type { Blocks } from '../graph/layers/blocked-kernels.ts'
import { IR_VERSION, OPSET, stateNames, trainingGraph, updated } from '../graph/training-graph.ts'
import { createSession } from '../session/create-session.ts'
import { type InferenceSession, Tensor } from '../session/ort.ts'

/**
 * Channels that the runtime puts into one block on this processor: 16 with AVX-512, 8 with AVX2, 4 on ARM.
 * It tells nobody, so the channels of an image are counted in blocked order. Undefined if it has no such layout.
 */
export async function probeBlockSize(): Promise<number | undefined> {
  const [channels, pixels] = [32, 4]
  const g = new Graph('probe')
  g.input('standard', 'float32', [1, channels, 1, pixels])
  g.op('Identity', [g.nchwc('ReorderInput', ['standard'], {})], {}, ['blocked'])
  g.output('blocked', 'float32', ['N', 'C', 'H', 'W'])
  const session = await createSession(g.model(OPSET, IR_VERSION))
  try {
    const numbers = Float32Array.from({ length: channels * pixels }, (_, i) => i)
    const { blocked } = await session.run({ standard: new Tensor('float32', numbers, [1, channels, 1, pixels]) })
    // The second pixel of the first channel is behind the first pixel of every channel of its block.
    const size = (blocked!.data as Float32Array).indexOf(1)
    return size > 1 && channels % size === 0 ? size : undefined
  } finally {
    await session.release()
  }
}

const NORMALISE = { mean: 0.5, std: 0.5 }
const OPTIMIZER: OptimizerSettings = { kind: 'momentum', momentum: 0.9, weightDecay: 0 }
/** Relative distance of weights that rounding may bring about in a few steps. */
const TOLERANCE = 1e-4

/** Every blocked formulation once: plain and blocked input, with and without pool, an odd image, the way back. */
function checkModel(block: number): Model {
  const conv = (filters: number) => ({ type: 'conv2d', filters, kernel: 3, padding: 'same' }) as const
  const relu = { type: 'relu' } as const
  const pool = { type: 'maxpool2d', size: 2 } as const
  const layers = [conv(block), relu, pool, conv(2 * block), conv(block), relu, pool, { type: 'flatten' } as const]
  return buildModel([...layers, { type: 'dense', units: 4 }], [1, 11, 10], 4)
}

/** Trains a few steps in both layouts, by both graphs of the blocked one; says what differs, if anything does. */
export async function selfCheck(block: number): Promise<string | undefined> {
  const model = checkModel(block)
  for (const blocks of [{ block, batch: block }, { block }]) {
    const batch = blocks.batch ?? block + 1
    const [standard, blocked] = [await trainSteps(model, batch), await trainSteps(model, batch, blocks)]
    for (const [name, expected] of standard) {
      const distance = relativeDistance(expected, blocked.get(name)!)
      if (!(distance <= TOLERANCE))
        return `blocked convolutions compute another ${name} here (${distance.toExponential(1)} off)`
    }
  }
  return undefined
}

async function trainSteps(model: Model, batch: number, blocks?: Blocks): Promise<Map<string, Float32Array>> {
  const steps = 3
  const graph = trainingGraph(model, NORMALISE, OPTIMIZER, blocks)
  const session: InferenceSession = await createSession(graph)
  try {
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
    const result = await session.run({
      ...Object.fromEntries(state),
      images: new Tensor('uint8', images, [steps, batch, pixels]),
      labels: new Tensor('int32', labels, [steps, batch]),
      keys: new Tensor('uint32', new Uint32Array(steps), [steps]),
      lr: new Tensor('float32', [0.05], []),
      step: new Tensor('float32', [0], []),
    })
    return new Map([...weights.keys()].map((name) => [name, result[updated(name)]!.data as Float32Array]))
  } finally {
    await session.release()
  }
}

function relativeDistance(expected: Float32Array, got: Float32Array): number {
  const apart = expected.reduce((sum, value, i) => sum + (value - got[i]!) ** 2, 0)
  const length = expected.reduce((sum, value) => sum + value ** 2, 0)
  return Math.sqrt(apart / length)
}
