import type { Graph } from '../graph.ts'

export interface MaxChain {
  readonly out: string
  /**
   * The gradient as far as the items reach: entry k is `dOut` if the first of the largest is item k or one behind
   * it, else 0; entry 0 is `dOut` itself.
   */
  reached(dOut: string): string[]
  /** The gradient of every item: `dOut` if it is the first of the largest (as PyTorch's max-pool has it), else 0. */
  backward(dOut: string): string[]
}

/** The elementwise maximum of equally shaped tensors, and its way back, in which ties lose and count nothing twice. */
export function maxChain(g: Graph, [first, ...others]: readonly string[]): MaxChain {
  if (first === undefined) throw new RangeError('the maximum of nothing')
  const largest = [first]
  for (const item of others) largest.push(g.op('Max', [largest.at(-1)!, item]))
  const out = largest.at(-1)!
  // The largest is behind item k exactly if it is larger than all up to k.
  const behind = largest.slice(0, -1).map((before) => g.wherePositive(g.op('Sub', [out, before])))
  const reached = (dOut: string) => [dOut, ...behind.map((through) => through(dOut))]
  return {
    out,
    reached,
    backward(dOut) {
      const entries = reached(dOut)
      return entries.map((entry, k) => (k + 1 < entries.length ? g.op('Sub', [entry, entries[k + 1]!]) : entry))
    },
  }
}
