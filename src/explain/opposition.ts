import type { Weights } from '../weights/weights.ts'

/** How the owners' ways from the model that they received stand to each other. */
export interface Opposition {
  /** By layer, in the order of the model; then all weights as one. */
  readonly layers: readonly LayerOpposition[]
  /** FedExP's step for the mean of the ways (Jhunjhunwala et al. 2023, arXiv:2301.09604): 0.5 if all are one way. */
  readonly step: number
}

export interface LayerOpposition {
  readonly layer: string
  /** Mean over the pairs of owners of the cosine of their ways: 1 the same, 0 unrelated, -1 opposite. */
  readonly cosine: number
  /**
   * Of what the ways move, in absolute values, the share that the mean loses: 1 - |Σ Δ| / Σ |Δ|, summed over weights.
   * 0: all signs agree; 1: everything cancels.
   */
  readonly cancelled: number
  /** ‖mean of the ways‖ / mean of ‖way‖. */
  readonly kept: number
}

export const WHOLE = 'all layers'

/** Sums over the weights of a layer: products of the ways of all pairs, and absolute values. */
interface Sums {
  /** [owners, owners], row-major. */
  readonly products: Float64Array
  absolute: number
  ofSums: number
}

/**
 * @param received the model that the owners trained from
 * @param owners what came of it, at least two
 */
export function opposition(received: Weights, owners: readonly Weights[]): Opposition {
  const layers = new Map<string, Sums>()
  for (const [name, { data: from }] of received) {
    const layer = name.replace(/\.[^.]*$/, '')
    const sums = layers.get(layer) ?? noSums(owners.length)
    layers.set(layer, sums)
    const ways = owners.map((weights) => weights.get(name)!.data)
    addWeights(sums, from, ways)
  }
  const whole = [...layers.values()].reduce(added, noSums(owners.length))
  return {
    layers: [...layers, [WHOLE, whole] as const].map(([layer, sums]) => ({ layer, ...figures(sums, owners.length) })),
    step: stepOf(whole, owners.length),
  }
}

const noSums = (owners: number): Sums => ({ products: new Float64Array(owners ** 2), absolute: 0, ofSums: 0 })

function addWeights(sums: Sums, from: Float32Array, to: readonly Float32Array[]): void {
  const way = new Float64Array(to.length)
  for (let i = 0; i < from.length; i++) {
    let sum = 0
    for (let k = 0; k < way.length; k++) {
      way[k] = to[k]![i]! - from[i]!
      sum += way[k]!
      sums.absolute += Math.abs(way[k]!)
    }
    sums.ofSums += Math.abs(sum)
    for (let a = 0; a < way.length; a++) {
      for (let b = 0; b < way.length; b++) sums.products[a * way.length + b]! += way[a]! * way[b]!
    }
  }
}

const added = (one: Sums, other: Sums): Sums => ({
  products: one.products.map((value, i) => value + other.products[i]!),
  absolute: one.absolute + other.absolute,
  ofSums: one.ofSums + other.ofSums,
})

function figures({ products, absolute, ofSums }: Sums, owners: number): Omit<LayerOpposition, 'layer'> {
  const length = (k: number) => Math.sqrt(products[k * owners + k]!)
  let cosines = 0
  let lengths = 0
  for (let a = 0; a < owners; a++) {
    lengths += length(a)
    for (let b = 0; b < a; b++) cosines += products[a * owners + b]! / (length(a) * length(b) || 1)
  }
  const pairs = (owners * (owners - 1)) / 2
  return {
    cosine: cosines / pairs,
    cancelled: absolute === 0 ? 0 : 1 - ofSums / absolute,
    kept: lengths === 0 ? 1 : Math.sqrt(Math.max(0, sumOf(products))) / lengths,
  }
}

/** Σ‖Δ_i‖² / (2 N (‖Δ̄‖² + ε)), without the floor of 1, to show how far below that it is. */
function stepOf({ products }: Sums, owners: number): number {
  let squares = 0
  for (let k = 0; k < owners; k++) squares += products[k * owners + k]!
  return squares / (2 * owners * (sumOf(products) / owners ** 2 + EPSILON))
}

/** As server/fedexp.ts has it by default. */
const EPSILON = 0.001

const sumOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0)
