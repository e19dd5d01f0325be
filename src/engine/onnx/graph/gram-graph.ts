import { Graph } from './graph.ts'
import { IR_VERSION, OPSET } from './training-graph.ts'

/**
 * Sums over a batch, as those of engine/head-statistics.ts.
 *
 * Inputs: z float32 [N, size] · with classes y float32 [N, classes], a one for the label and zeros.
 * Outputs: gram float32 [size, size], Σ z zᵀ · with classes cross float32 [size, classes], Σ z yᵀ.
 */
export function gramGraph(size: number, classes?: number): Uint8Array {
  const g = new Graph('gram')
  g.input('z', 'float32', ['N', size])
  if (classes !== undefined) g.input('y', 'float32', ['N', classes])
  const transposed = g.op('Transpose', ['z'], { perm: [1, 0] })
  g.op('MatMul', [transposed, 'z'], {}, ['gram'])
  g.output('gram', 'float32', [size, size])
  if (classes === undefined) return g.model(OPSET, IR_VERSION)
  g.op('MatMul', [transposed, 'y'], {}, ['cross'])
  g.output('cross', 'float32', [size, classes])
  return g.model(OPSET, IR_VERSION)
}
