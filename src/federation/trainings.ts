import type { Weights } from '../weights/weights.ts'
import type { Timetable } from './arrivals.ts'
import type { Cohort, OwnerProgress, Update } from './cohort.ts'
import type { Order } from './order.ts'
import { isEvaluated, lastRound, learningRate, type Schedule } from './schedule.ts'

interface Setting {
  readonly cohort: Cohort
  readonly order: Order
  readonly table: Timetable
  readonly plan: Schedule
  readonly signal: AbortSignal
  report(progress: OwnerProgress): void
}

/** What the owners train in the background, in a run without waiting. */
export class Trainings {
  readonly #setting: Setting
  readonly #underWay = new Map<number, Promise<Update>>()

  constructor(setting: Setting) {
    this.#setting = setting
  }

  /**
   * Sends an owner what it trains from, and begins that if it may arrive before the end.
   * @param knows whether the owner has that model already
   * @param saved versions that are kept for good
   */
  async begin(owner: number, base: Weights, { knows, saved }: { knows: boolean; saved: number }): Promise<void> {
    const { cohort, order, table, plan, signal, report } = this.#setting
    const model = await cohort.publish(base, knows ? [] : [owner])
    const { turn, from } = table.of(owner)
    const at = order.versionOf(owner, turn)
    if (at === undefined || table.version > lastRound(plan)) return
    const known = at === 'unknown' ? undefined : at
    const evaluate = known === undefined || isEvaluated(plan, known)
    const task = {
      ...{ round: turn, kept: table.turnsIn(owner, saved), lr: learningRate(plan, from + 1), model, only: [owner] },
      ...{ evaluate, evaluateReceived: () => evaluate, instruct: () => ({}) },
    }
    // Until it arrives, nobody may know of which version it is.
    const round = () => known ?? table.version
    const update = updateOf(cohort.train(task, signal), (news) => report({ ...news, round: round() }))
    // It may fail before it is waited for, and is looked at then.
    update.catch(() => {})
    this.#underWay.set(owner, update)
    order.began(owner, update)
  }

  arrived = (owner: number): Promise<Update> => this.#underWay.get(owner)!
}

async function updateOf(
  news: AsyncIterable<OwnerProgress | Update>,
  report: (progress: OwnerProgress) => void,
): Promise<Update> {
  let update: Update | undefined
  for await (const one of news) {
    if (one.type === 'update') update = one
    else report(one)
  }
  if (update) return update
  throw new Error('an owner was asked, and did not answer')
}
