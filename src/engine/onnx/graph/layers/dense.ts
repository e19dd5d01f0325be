import type { Layer } from '../../../../model/layers.ts'
import type { PlacedLayer } from '../../../../model/model.ts'
import type { Graph } from '../graph.ts'
import { type Gradient, type ParameterNames, type Pass, plainGradient } from './pass.ts'

type Dense = PlacedLayer<Extract<Layer, { type: 'dense' }>>

/** x [N, features] → x Wᵀ + b [N, units]. */
export function denseForward(g: Graph, { name }: Dense, x: string, p: ParameterNames): string {
  return g.op('Gemm', [x, p.get(`${name}.weight`)!, p.get(`${name}.bias`)!], { transB: 1 })
}

export function dense(g: Graph, placed: Dense, x: string, p: ParameterNames): Pass {
  const { name } = placed
  return {
    out: denseForward(g, placed, x, p),
    backward(dOut, wantInput) {
      const dWeight: Gradient = (alpha = 1, onto) =>
        g.op('Gemm', onto ? [dOut, x, onto.name] : [dOut, x], {
          transA: 1,
          alpha: { float: alpha },
          beta: { float: onto?.beta ?? 0 },
        })
      const gradients = new Map([
        [`${name}.weight`, dWeight],
        [`${name}.bias`, plainGradient(g, g.reduceSum(dOut, 0))],
      ])
      return wantInput ? { dIn: g.op('Gemm', [dOut, p.get(`${name}.weight`)!]), gradients } : { gradients }
    },
  }
}
