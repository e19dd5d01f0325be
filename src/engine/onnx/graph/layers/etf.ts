import { LENGTH_EPSILON, simplexFrame } from '../../../../model/etf.ts'
import type { Layer } from '../../../../model/layers.ts'
import type { PlacedLayer } from '../../../../model/model.ts'
import type { Graph } from '../graph.ts'
import {
  type ExampleGradients,
  exampleRows,
  type Gradient,
  type ParameterNames,
  type Pass,
  plainGradient,
  sumOfSquares,
} from './pass.ts'

type Etf = PlacedLayer<Extract<Layer, { type: 'etf' }>>

/** What the way back needs of the way there. */
interface Cosines {
  /** [N, 1]: r = √(‖f‖² + ε). */
  readonly length: string
  /** [N, features]: f / r. */
  readonly unit: string
  readonly frame: string
  /** [N, classes]: f Mᵀ / r. */
  readonly cosines: string
  readonly scale: string
}

/** f [N, features] → logits s · f̂ᵀM [N, classes], M the fixed frame of etf.ts in src/model. */
export const etfForward = (g: Graph, placed: Etf, x: string, p: ParameterNames): string =>
  logits(g, cosinesOf(g, placed, x, p))

const logits = (g: Graph, { cosines, scale }: Cosines): string => g.op('Mul', [cosines, scale])

function cosinesOf(g: Graph, { name, layer, input, output }: Etf, x: string, p: ParameterNames): Cosines {
  const [features, classes] = [input[0]!, output[0]!]
  const squares = g.reshape(g.reduceSum(g.op('Mul', [x, x]), 1), -1, 1)
  const length = g.op('Sqrt', [g.op('Add', [squares, g.scalar(LENGTH_EPSILON)])])
  const unit = g.op('Div', [x, length])
  const frame = g.constant('float32', [features, classes], simplexFrame(features, classes))
  const cosines = g.op('MatMul', [unit, frame])
  return { length, unit, frame, cosines, scale: p.get(`${name}.scale`) ?? g.scalar(layer.scale) }
}

/** With u = f / r: ∂L/∂s = Σ dz · uᵀM, and ∂L/∂f = (v - u (u · v)) / r for v = s M dz. */
export function etf(g: Graph, placed: Etf, x: string, p: ParameterNames): Pass {
  const forward = cosinesOf(g, placed, x, p)
  const { length, unit, frame, cosines, scale } = forward
  /** Σ dz · uᵀM of each row. */
  const scales = (dOut: string) => g.reduceSum(g.op('Mul', [dOut, cosines]), 1)
  const back = <G extends Gradient | ExampleGradients>(
    dOut: string,
    wantInput: boolean,
    dScale: (scales: string) => G,
  ) => {
    const gradients = new Map(placed.parameters.map(({ name }) => [name, dScale(scales(dOut))] as const))
    if (!wantInput) return { gradients }
    const dUnit = g.op('Gemm', [g.op('Mul', [dOut, scale]), frame], { transB: 1 })
    const along = g.reshape(g.reduceSum(g.op('Mul', [unit, dUnit]), 1), -1, 1)
    const across = g.op('Sub', [dUnit, g.op('Mul', [unit, along])])
    return { dIn: g.op('Div', [across, length]), gradients }
  }
  return {
    out: logits(g, forward),
    backward: (dOut, wantInput) => back(dOut, wantInput, (all) => plainGradient(g, g.reshape(g.reduceSum(all, 0), 1))),
    squares: ({ name: dOut }, wantInput) =>
      back(dOut, wantInput, (all) => plainGradient(g, g.reshape(sumOfSquares(g, all), 1))),
    examples: (dOut, wantInput) =>
      back(dOut, wantInput, (all) => exampleRows(g, g.reshape(all, -1, 1), (sum) => g.reshape(sum, 1))),
  }
}
