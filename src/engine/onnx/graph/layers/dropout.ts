import type { Layer } from '../../../../model/layers.ts'
import { type PlacedLayer, sizeOf } from '../../../../model/model.ts'
import { elementType, type Graph } from '../graph.ts'
import type { Pass } from './pass.ts'

type Dropout = PlacedLayer<Extract<Layer, { type: 'dropout' }>>

/**
 * Inverted dropout (Srivastava et al. 2014): each value is kept with probability 1 - rate and scaled by 1 / (1 - rate).
 * The mask is a hash of (key, position), not ONNX's Dropout, whose generator lives in the session: a mask must not
 * depend on how the steps were cut into chunks. `key` is a uint32 scalar, another for each step.
 */
export function dropout(g: Graph, placed: Dropout, position: number, x: string, key: string): Pass {
  const { rate } = placed.layer
  const width = sizeOf(placed.output)
  const u32 = (value: number) => g.constant('uint32', [], [value])
  const batch = g.op('Gather', [g.op('Shape', [x]), g.constant('int64', [], [0])], { axis: 0 })
  const values = g.op('Mul', [batch, g.constant('int64', [], [width])])
  const index = g.op('Range', [g.constant('int64', [], [0]), values, g.constant('int64', [], [1])])
  // Every value of every layer has its own number; the golden ratio spreads neighbours over the 32 bits.
  const spread = g.op('Mul', [g.op('Cast', [index], { to: elementType('uint32') }), u32(0x9e3779b1)])
  const salted = g.op('Add', [spread, g.op('BitwiseXor', [key, u32(Math.imul(position + 1, 0x85ebca6b) >>> 0)])])
  const kept = g.op('GreaterOrEqual', [
    g.op('Cast', [mix(g, salted)], { to: elementType('float32') }),
    g.scalar(rate * 2 ** 32),
  ])
  const mask = g.reshape(
    g.op('Mul', [g.op('Cast', [kept], { to: elementType('float32') }), g.scalar(1 / (1 - rate))]),
    -1,
    ...placed.output,
  )
  return { out: g.op('Mul', [x, mask]), backward: (dOut) => ({ dIn: g.op('Mul', [dOut, mask]) }) }
}

/** A 32-bit avalanche: shift-xor and odd multiplications, with the constants of Wellons' "prospector" search (2018). */
function mix(g: Graph, x: string): string {
  const shiftXor = (v: string, by: number) =>
    g.op('BitwiseXor', [v, g.op('BitShift', [v, g.constant('uint32', [], [by])], { direction: 'RIGHT' })])
  const times = (v: string, factor: number) => g.op('Mul', [v, g.constant('uint32', [], [factor])])
  return shiftXor(times(shiftXor(times(shiftXor(x, 16), 0x7feb352d), 15), 0x846ca68b), 16)
}
