import type { Graph } from '../graph.ts'

/**
 * The elementwise maximum of equally shaped tensors as a tournament, and its way back: the gradient goes to
 * the first of the largest (as PyTorch's max-pool does), so that none is lost or counted twice at ties.
 */
export function maxTree(g: Graph, items: readonly string[]): { out: string; backward(dOut: string): string[] } {
  const [only, ...others] = items
  if (only === undefined) throw new RangeError('the maximum of nothing')
  if (others.length === 0) return { out: only, backward: (dOut) => [dOut] }
  const half = Math.floor(items.length / 2)
  const left = maxTree(g, items.slice(0, half))
  const right = maxTree(g, items.slice(half))
  return {
    out: g.op('Max', [left.out, right.out]),
    backward(dOut) {
      const dRight = g.wherePositive(g.op('Sub', [right.out, left.out]), dOut)
      const dLeft = g.op('Sub', [dOut, dRight])
      return [...left.backward(dLeft), ...right.backward(dRight)]
    },
  }
}
