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
  backward(dOut: string, wantInput: boolean): { dIn?: string; gradients?: ReadonlyMap<string, Gradient> }
}

/** The gradient of a layer that has no better way than to form it and then combine it. */
export function plainGradient(g: Graph, value: string): Gradient {
  const scaled = (name: string, factor: number) => (factor === 1 ? name : g.op('Mul', [name, g.scalar(factor)]))
  return (alpha = 1, onto) => {
    if (!onto) return scaled(value, alpha)
    if (alpha === -1) return g.op('Sub', [scaled(onto.name, onto.beta), value])
    return g.op('Add', [scaled(onto.name, onto.beta), scaled(value, alpha)])
  }
}
