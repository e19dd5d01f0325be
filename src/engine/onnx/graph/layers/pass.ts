import type { Graph } from '../graph.ts'

/** Names of a layer's parameters in the graph, by their full name (`conv1.weight`). */
export type ParameterNames = ReadonlyMap<string, string>

/**
 * Emits `alpha * gradient + beta * onto`. Dense layers do it inside the Gemm that forms the gradient,
 * which saves a pass over their weights for every step.
 */
export type Gradient = (alpha?: number, onto?: { readonly name: string; readonly beta: number }) => string

/** What a layer's forward emission leaves behind: its output and how to go back through it. */
export interface Pass {
  readonly out: string
  /** `dOut` is the loss's gradient with respect to `out`; `dIn` is only emitted if it is wanted. */
  backward(dOut: string, wantInput: boolean): Back
  /**
   * The same for several losses of one image: `dOut` has a row for each. Of a parameter it is the sum over the rows of the
   * squared gradients. Layers without parameters need none of their own.
   */
  squares?(dOut: Rows, wantInput: boolean): Back
}

/** What comes of the way back through a layer. */
export interface Back {
  readonly dIn?: string
  readonly gradients?: ReadonlyMap<string, Gradient>
}

/** A tensor that has so many rows, where that of one image has one. */
export interface Rows {
  readonly name: string
  readonly rows: number
}

/** The sum over its rows of the squares: of [rows, …] it is […]. */
export const sumOfSquares = (g: Graph, x: string): string => g.reduceSum(g.op('Mul', [x, x]), 0)

/** The gradient of a layer that has no better way than to form it and then combine it. */
export function plainGradient(g: Graph, value: string): Gradient {
  const scaled = (name: string, factor: number) => (factor === 1 ? name : g.op('Mul', [name, g.scalar(factor)]))
  return (alpha = 1, onto) => {
    if (!onto) return scaled(value, alpha)
    if (alpha === -1) return g.op('Sub', [scaled(onto.name, onto.beta), value])
    return g.op('Add', [scaled(onto.name, onto.beta), scaled(value, alpha)])
  }
}
