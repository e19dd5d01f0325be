import { Graph } from './graph.ts'
import { IR_VERSION, OPSET } from './training-graph.ts'

/**
 * The sums of engine/head-statistics.ts over a batch of features.
 *
 * Inputs: z float32 [N, size], the features and a 1 · y float32 [N, classes], a one for the label and zeros.
 * Outputs: gram float32 [size, size] · cross float32 [size, classes].
 */
export function gramGraph(size: number, classes: number): Uint8Array {
  const g = new Graph('gram')
  g.input('z', 'float32', ['N', size])
  g.input('y', 'float32', ['N', classes])
  const transposed = g.op('Transpose', ['z'], { perm: [1, 0] })
  g.op('MatMul', [transposed, 'z'], {}, ['gram'])
  g.op('MatMul', [transposed, 'y'], {}, ['cross'])
  g.output('gram', 'float32', [size, size])
  g.output('cross', 'float32', [size, classes])
  return g.model(OPSET, IR_VERSION)
}
