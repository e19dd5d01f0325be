import type { Graph } from '../graph.ts'

/**
 * Images that are summed at once. Sums over a batch that is a multiple of it are formed by groups, and these in pairs, so
 * that a batch in parts has the same bits as a whole one.
 */
export const GROUP = 16

/** Images of the largest equal parts of a batch that add up to the same bits, of `most` images at most; undefined: none. */
export function partSize(batch: number, most: number): number | undefined {
  if (batch % GROUP !== 0 || most < GROUP) return undefined
  if (batch <= most) return batch
  let size = GROUP
  while (2 * size <= most && batch % (2 * size) === 0) size *= 2
  return size
}

/**
 * [1, count] ones: a product with them sums so many rows. ReduceSum takes another way, with other bits, where there is one
 * sum than where there are several.
 */
export const ones = (g: Graph, count: number): string => g.constant('float32', [1, count], new Array(count).fill(1))

/** The sum of neighbours, then of neighbouring sums, and so on. */
export function pairwiseSum(g: Graph, items: readonly string[]): string {
  if (items.length === 1) return items[0]!
  const sums: string[] = []
  for (let i = 0; i < items.length; i += 2) {
    const pair = items.slice(i, i + 2)
    sums.push(pair.length === 2 ? g.op('Add', pair) : pair[0]!)
  }
  return pairwiseSum(g, sums)
}

/** The sum over an axis, where there are so many `groups`; it stays as one of length 1. */
export function sumGroups(g: Graph, x: string, groups: number, axis: number): string {
  return pairwiseSum(g, g.split(x, new Array(groups).fill(1), axis))
}
