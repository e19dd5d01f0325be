/** What the noise of a run costs, round by round. */
export interface Account {
  /** Whose presence it hides. */
  readonly level: 'owner' | 'record'
  /** Standard deviation in units of the clipping norm. */
  readonly noise: number
  readonly delta: number
  /** The ε that the run must not exceed; undefined if there is no limit. */
  readonly budget?: number | undefined
  /** The clipping norm of a round, unless it is adaptive. */
  readonly clip: number
  /** The ε at δ after so many rounds, what was lost of rounds that were interrupted included; infinite without noise. */
  epsilonAfter(rounds: number): number
}

/** What a run has spent after a round. */
export interface Spent extends Pick<Account, 'level' | 'noise' | 'clip' | 'delta'> {
  /** Undefined without noise: no ε holds. */
  readonly epsilon: number | undefined
}

/** @param clip the norm of that round, if it is adaptive */
export function spentAfter(account: Account, round: number, clip = account.clip): Spent {
  const { level, noise, delta } = account
  const epsilon = account.epsilonAfter(round)
  return { level, noise, clip, epsilon: Number.isFinite(epsilon) ? epsilon : undefined, delta }
}

/** Why not even one round is within the budget, in words. */
export const firstTooDear = (account: Account): string =>
  `with noise ${account.noise} the first round costs epsilon ${account.epsilonAfter(1).toPrecision(4)}, which is more than ${account.budget}`

/** How many of so many rounds the budget is enough for. */
export function affordableRounds(account: Account, rounds: number): number {
  const { budget } = account
  if (budget === undefined) return rounds
  // ε grows with the rounds: the most that is within the budget lies between these two.
  let [within, beyond] = [0, rounds + 1]
  while (beyond - within > 1) {
    const middle = Math.floor((within + beyond) / 2)
    if (account.epsilonAfter(middle) <= budget) within = middle
    else beyond = middle
  }
  return within
}
