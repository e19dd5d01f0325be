import type { Layer } from '../../../../model/layers.ts'
import type { PlacedLayer } from '../../../../model/model.ts'
import type { Graph } from '../graph.ts'
import {
  exampleRows,
  type Gradient,
  type ParameterNames,
  type Pass,
  plainGradient,
  squaresByImage,
  sumOfSquares,
} from './pass.ts'

type Dense = PlacedLayer<Extract<Layer, { type: 'dense' }>>

/** x [N, features] → x Wᵀ + b [N, units]. */
export function denseForward(g: Graph, { name }: Dense, x: string, p: ParameterNames): string {
  return g.op('Gemm', [x, p.get(`${name}.weight`)!, p.get(`${name}.bias`)!], { transB: 1 })
}

export function dense(g: Graph, placed: Dense, x: string, p: ParameterNames): Pass {
  const { name } = placed
  /** aᵀ b, in the pass that adds it to what it is added to. */
  const product =
    (a: string, b: string): Gradient =>
    (alpha = 1, onto) =>
      g.op('Gemm', onto ? [a, b, onto.name] : [a, b], {
        transA: 1,
        alpha: { float: alpha },
        beta: { float: onto?.beta ?? 0 },
      })
  const back = <G>(dOut: string, wantInput: boolean, weight: G, bias: G) => {
    const gradients = new Map([
      [`${name}.weight`, weight],
      [`${name}.bias`, bias],
    ])
    return wantInput ? { dIn: g.op('Gemm', [dOut, p.get(`${name}.weight`)!]), gradients } : { gradients }
  }
  return {
    out: denseForward(g, placed, x, p),
    backward: (dOut, wantInput) => back(dOut, wantInput, product(dOut, x), plainGradient(g, g.reduceSum(dOut, 0))),
    // All rows are of one image: Σ (δ xᵀ)² is Σ δ² times x².
    squares({ name: dOut }, wantInput) {
      const sums = sumOfSquares(g, dOut)
      const square = g.op('Mul', [x, x])
      return back(dOut, wantInput, product(g.reshape(sums, 1, -1), square), plainGradient(g, sums))
    },
    // An image's gradient is δ xᵀ, whose squared norm is ‖δ‖² ‖x‖²; the weighted sum is one of weighted δ.
    examples(dOut, wantInput) {
      const bias = exampleRows(g, dOut, (sum) => g.reshape(sum, placed.output[0]!))
      const weight = {
        squaredNorms: g.op('Mul', [bias.squaredNorms, squaresByImage(g, x)]),
        weighted: (factors: string) => product(g.op('Mul', [dOut, g.reshape(factors, -1, 1)]), x),
      }
      return back(dOut, wantInput, weight, bias)
    },
  }
}
