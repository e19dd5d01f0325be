import { buildModel, type Model } from '../../../model/model.ts'
import { Graph } from '../graph/graph.ts'
import type { Blocks } from '../graph/layers/blocked-kernels.ts'
import { GROUP } from '../graph/layers/image-sums.ts'
import { IR_VERSION, OPSET } from '../graph/training-graph.ts'
import { createSession } from '../session/create-session.ts'
import { Tensor } from '../session/ort.ts'
import { openSteps } from './some-steps.ts'

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

/** Trains a few steps in both layouts, by all graphs of the blocked one; says what differs, if anything does. */
export async function selfCheck(block: number): Promise<string | undefined> {
  const model = checkModel(block)
  const whole = 2 * GROUP
  const graphs: Blocks[] = [{ block, batch: block }, { block, batch: whole, microBatch: GROUP }, { block }]
  for (const blocks of graphs) {
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
  const { run, release } = await openSteps(model, { steps: 3, batch }, blocks)
  try {
    return await run()
  } finally {
    await release()
  }
}

function relativeDistance(expected: Float32Array, got: Float32Array): number {
  const apart = expected.reduce((sum, value, i) => sum + (value - got[i]!) ** 2, 0)
  const length = expected.reduce((sum, value) => sum + value ** 2, 0)
  return Math.sqrt(apart / length)
}
