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
      const dRight = g.mask(g.op('Greater', [right.out, left.out]), dOut)
      const dLeft = g.op('Sub', [dOut, dRight])
      return [...left.backward(dLeft), ...right.backward(dRight)]
    },
  }
}

/** Puts the gradients of the size*size pool positions (row-major) back into one image of `rows` x `cols`. */
export function unpool(g: Graph, parts: readonly string[], size: number, rows: number, cols: number): string {
  if (size === 1) return parts[0]!
  const image = g.op('DepthToSpace', [g.op('Concat', parts, { axis: 1 })], { blocksize: size, mode: 'DCR' })
  // Rows and columns that no pool window covers never reached the output: their gradient is 0.
  const [below, beside] = [rows % size, cols % size]
  return below || beside ? g.op('Pad', [image, g.ints(0, 0, 0, 0, 0, 0, below, beside)]) : image
}
