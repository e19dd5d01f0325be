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
  /** The same with the gradients of the parameters told apart by image. Layers without parameters need none of their own. */
  examples?(dOut: string, wantInput: boolean): Back<ExampleGradients>
}

/** What comes of the way back through a layer. */
export interface Back<G = Gradient> {
  readonly dIn?: string
  readonly gradients?: ReadonlyMap<string, G>
}

/** What is asked of the gradients of N images for one parameter, which need not be formed for it one by one. */
export interface ExampleGradients {
  /** [N]: the squared L2 norm of each. */
  readonly squaredNorms: string
  /** Their sum, each times its factor: `factors` is [N]. */
  weighted(factors: string): Gradient
}

/** A tensor that has so many rows, where that of one image has one. */
export interface Rows {
  readonly name: string
  readonly rows: number
}

/** The sum over its rows of the squares: of [rows, …] it is […]. */
export const sumOfSquares = (g: Graph, x: string): string => g.reduceSum(g.op('Mul', [x, x]), 0)

/** [N]: the sum of the squares of each row of [N, values]. */
export const squaresByImage = (g: Graph, rows: string): string =>
  g.op('ReduceSumSquare', [rows, g.ints(1)], { keepdims: 0 })

/** Of gradients that there are as rows [N, values]; `shaped` makes the parameter's shape of a sum [1, values]. */
export const exampleRows = (g: Graph, rows: string, shaped: (sum: string) => string): ExampleGradients => ({
  squaredNorms: squaresByImage(g, rows),
  weighted: (factors) => plainGradient(g, shaped(g.op('MatMul', [g.reshape(factors, 1, -1), rows]))),
})

/** The gradient of a layer that has no better way than to form it and then combine it. */
export function plainGradient(g: Graph, value: string): Gradient {
  const scaled = (name: string, factor: number) => (factor === 1 ? name : g.op('Mul', [name, g.scalar(factor)]))
  return (alpha = 1, onto) => {
    if (!onto) return scaled(value, alpha)
    if (alpha === -1) return g.op('Sub', [scaled(onto.name, onto.beta), value])
    return g.op('Add', [scaled(onto.name, onto.beta), scaled(value, alpha)])
  }
}
