const steps = (from: number, to: number, by = 1): number[] =>
  Array.from({ length: Math.round((to - from) / by) + 1 }, (_, i) => from + i * by)

/** Orders of the Rényi divergence that are tried: 1.1 to 10.9, 11 to 63, and four large ones for little noise or few rounds. */
export const ORDERS: readonly number[] = [
  ...steps(11, 109).map((tenths) => tenths / 10),
  ...steps(11, 63),
  128,
  256,
  512,
  1024,
]

/** The Rényi divergence of a mechanism at an order. That of several in a row is the sum. */
export type Divergence = (order: number) => number

/**
 * The least ε that follows at δ: over the orders α, r + ln(1 - 1/α) - ln(δα) / (α - 1)
 * (Canonne, Kamath, Steinke 2020, arXiv:2004.00010, proposition 12).
 * @param orders above 1
 */
export function renyiEpsilon(divergence: Divergence, delta: number, orders = ORDERS): number {
  const at = (order: number) => divergence(order) + Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1)
  return orders.reduce((least, order) => Math.min(least, Math.max(0, at(order))), Number.POSITIVE_INFINITY)
}
