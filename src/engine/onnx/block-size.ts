import { Tensor } from 'onnxruntime-node'
import { Graph } from './graph.ts'
import { createSession } from './session.ts'

/**
 * Channels that the runtime puts into one block on this processor: 16 with AVX-512, 8 with AVX2, 4 on ARM.
 * It tells nobody, so the channels of an image are counted in blocked order. Undefined where it has no such layout.
 */
export async function probeBlockSize(): Promise<number | undefined> {
  const [channels, pixels] = [32, 4]
  const g = new Graph('probe')
  g.input('standard', 'float32', [1, channels, 1, pixels])
  g.op('Identity', [g.nchwc('ReorderInput', ['standard'], {})], {}, ['blocked'])
  g.output('blocked', 'float32', ['N', 'C', 'H', 'W'])
  const session = await createSession(g.model(18, 10))
  try {
    const numbers = Float32Array.from({ length: channels * pixels }, (_, i) => i)
    const { blocked } = await session.run({ standard: new Tensor('float32', numbers, [1, channels, 1, pixels]) })
    // The second pixel of the first channel stands behind the first pixel of every channel of its block.
    const size = (blocked!.data as Float32Array).indexOf(1)
    return size > 1 && channels % size === 0 ? size : undefined
  } finally {
    await session.release()
  }
}
