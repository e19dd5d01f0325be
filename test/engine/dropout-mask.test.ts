import { describe, expect, it } from 'vitest'
import { Graph } from '../../src/engine/onnx/graph/graph.ts'
import { dropout } from '../../src/engine/onnx/graph/layers/dropout.ts'
import { createSession } from '../../src/engine/onnx/session/create-session.ts'
import { Tensor } from '../../src/engine/onnx/session/ort.ts'
import { dropoutMask } from '../../src/engine/training/dropout-mask.ts'
import { bits } from '../support/numbers.ts'

const SHAPE = [3, 5, 7]
const IMAGES = 20
const LENGTH = IMAGES * 3 * 5 * 7

/** The mask of the onnx engine: what its dropout makes of ones. */
async function graphMask(rate: number, key: number, position: number): Promise<Float32Array> {
  const placed = {
    name: 'drop1',
    layer: { type: 'dropout', rate },
    input: SHAPE,
    output: SHAPE,
    parameters: [],
  } as const
  const g = new Graph('dropout')
  g.input('x', 'float32', ['N', ...SHAPE])
  g.input('key', 'uint32', [])
  g.op('Identity', [dropout(g, placed, position, 'x', 'key').out], {}, ['out'])
  g.output('out', 'float32', ['N', ...SHAPE])
  const session = await createSession(g.model(18, 10))
  const x = new Tensor('float32', new Float32Array(LENGTH).fill(1), [IMAGES, ...SHAPE])
  const { out } = await session.run({ x, key: new Tensor('uint32', Uint32Array.of(key), []) })
  return out!.data as Float32Array
}

describe('the dropout mask in JavaScript', () => {
  it.each([
    [0.5, 0, 0],
    [0.2, 7, 3],
    [0.3, 0x80000000, 1],
    [0.9, 0xffffffff, 12],
    [0.001, 123_456_789, 5],
    [0, 42, 2],
  ])('is the onnx engine’s to the last bit: rate %d, key %i, position %i', async (rate, key, position) => {
    const mask = dropoutMask(rate, key, position, LENGTH)
    expect(bits(mask)).toEqual(bits(await graphMask(rate, key, position)))
    const kept = mask.filter((value) => value !== 0).length / LENGTH
    expect(Math.abs(kept - (1 - rate))).toBeLessThan(4 * Math.sqrt((rate * (1 - rate)) / LENGTH) + 1e-12)
  })
})
