/** Quadratic losses a/2 (w - b)² of owners, and how they train: what SCAFFOLD and its kin can be written down for. */
export interface Quadratics {
  readonly a: readonly number[]
  readonly b: readonly number[]
  readonly lr: number
  readonly steps: number
}

const slope = ({ a, b }: Quadratics, i: number, w: number) => a[i]! * (w - b[i]!)
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Weights of owner i after its steps from `w`, each corrected by `shift`. */
function trained(problem: Quadratics, i: number, w: number, shift: number, steps = problem.steps): number {
  let y = w
  for (let k = 0; k < steps; k++) y -= problem.lr * (slope(problem, i, y) + shift)
  return y
}

/** The server's control variate after the changes of those who took part, of all owners (arXiv:1910.06378, eq. 5). */
export const serverControl = (c: number, changes: readonly number[], owners: number): number =>
  c + changes.reduce((sum, value) => sum + value, 0) / owners

/** SCAFFOLD, option II, as the paper has it: with a control variate at the server and one at each owner. */
export function scaffoldTwo(problem: Quadratics, rounds: number): { models: number[]; differences: number[] } {
  const owners = problem.a.map((_, i) => i)
  let [w, c, own] = [0, 0, owners.map(() => 0)]
  const models = owners.slice(0, 0)
  for (let round = 0; round < rounds; round++) {
    const ys = owners.map((i) => trained(problem, i, w, c - own[i]!))
    const next = ys.map((y, i) => own[i]! - c + (w - y) / (problem.steps * problem.lr))
    c = serverControl(
      c,
      next.map((value, i) => value - own[i]!),
      owners.length,
    )
    ;[w, own] = [mean(ys), next]
    models.push(w)
  }
  return { models, differences: own.map((value) => value - c) }
}

/** The same without anything that is sent: owners keep h = c_i - c alone. */
export function scaffoldWithoutSending(problem: Quadratics, rounds: number): { models: number[]; h: number[][] } {
  let [w, h] = [0, problem.a.map(() => 0)]
  const [models, kept]: [number[], number[][]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    const ys = h.map((own, i) => trained(problem, i, w, -own))
    w = mean(ys)
    h = h.map((own, i) => own + (w - ys[i]!) / (problem.steps * problem.lr))
    models.push(w)
    kept.push(h)
  }
  return { models, h: kept }
}

/** Scaffnew (arXiv:2202.09357, algorithm 2): after each step a coin that all owners share says whether they meet. */
export function scaffnew(problem: Quadratics, p: number, meetings: number, coin: () => number): number {
  let [w, h] = [0, problem.a.map(() => 0)]
  for (let meeting = 0; meeting < meetings; meeting++) {
    let steps = 1
    while (coin() >= p) steps++
    const ys = h.map((own, i) => trained(problem, i, w, -own, steps))
    w = mean(ys)
    h = h.map((own, i) => own + (p / problem.lr) * (w - ys[i]!))
  }
  return w
}
