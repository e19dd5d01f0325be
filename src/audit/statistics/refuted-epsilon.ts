import { clopperPearson } from './clopper-pearson.ts'
import { countAbove, type Scores } from './roc.ts'

/** Thresholds that are tried. */
const TRIED = 40

/**
 * The largest epsilon that an attack refutes: under (ε, δ) differential privacy TPR ≤ e^ε FPR + δ, and the same of those
 * who are told from members (Kairouz et al. 2015). So ε is at least ln((TPR - δ) / FPR), with the lower bound of the one
 * and the upper bound of the other, at 97.5 % each: 95 % together. The threshold is chosen on every second score and the
 * bounds are of the others, so that the choice costs no confidence.
 * Source: Jagielski et al. 2020 (arXiv:2006.07709), section 3.
 * @returns 0 if it refutes none
 */
export function refutedEpsilon(scores: Scores, delta: number): number {
  const [chosenOn, judged] = [half(scores, 0), half(scores, 1)]
  let best = 0
  let rule: Rule | undefined
  for (const candidate of rules(chosenOn)) {
    const epsilon = boundOf(candidate, chosenOn, delta)
    if (epsilon > best) [best, rule] = [epsilon, candidate]
  }
  return rule ? Math.max(0, boundOf(rule, judged, delta)) : 0
}

/** Calls what is above the threshold members, or what is not above it others. */
interface Rule {
  readonly threshold: number
  readonly tells: 'members' | 'others'
}

function boundOf({ threshold, tells }: Rule, { members, others }: Scores, delta: number): number {
  const positives = [members, others].map((scores) => countAbove(scores, threshold)) as [number, number]
  const [hits, misses, of, from] =
    tells === 'members'
      ? [positives[0], positives[1], members.length, others.length]
      : [others.length - positives[1], members.length - positives[0], others.length, members.length]
  return Math.log((clopperPearson(hits, of).low - delta) / clopperPearson(misses, from).high) || 0
}

const half = ({ members, others }: Scores, which: 0 | 1): Scores => ({
  members: members.filter((_, i) => i % 2 === which),
  others: others.filter((_, i) => i % 2 === which),
})

/** Thresholds at so many false positives: none, and then about half as many more each time. */
function* rules({ members, others }: Scores): Generator<Rule> {
  const [down, up] = [others.toSorted().reverse(), members.toSorted()]
  let before = -1
  for (let i = 0; i < TRIED; i++) {
    const count = Math.floor(1.25 ** i - 1)
    if (count === before || count >= Math.min(down.length, up.length)) continue
    before = count
    yield { threshold: down[count]!, tells: 'members' }
    yield { threshold: up[count]!, tells: 'others' }
  }
}
