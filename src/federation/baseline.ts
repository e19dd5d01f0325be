import type { Weights } from '../weights/weights.ts'
import type { Cohort, OwnerProgress } from './cohort.ts'
import { type BaselineTrained, type FederationEvent, ownerTrained } from './events.ts'
import { isEvaluated, lastRound, learningRate, type Schedule } from './schedule.ts'
import { withProgress } from './with-progress.ts'

/** Where the baseline begins. */
export interface BaselineStart {
  /** Rounds that are done. */
  readonly round: number
  readonly model: Weights
}

/** Rounds of a cohort of one owner, who has everybody's data: there is nothing to merge. */
export async function* trainBaseline(
  cohort: Cohort,
  plan: Schedule,
  start: BaselineStart,
  signal: AbortSignal,
): AsyncGenerator<OwnerProgress | BaselineTrained> {
  let { round, model } = start
  while (round < lastRound(plan)) {
    round += 1
    const evaluate = isEvaluated(plan, round)
    const task = { round, lr: learningRate(plan, round), evaluate, evaluateReceived: () => false, instruct: () => ({}) }
    for await (const news of cohort.train({ ...task, model: await cohort.publish(model) }, signal)) {
      if (news.type === 'owner-progress') {
        yield news
        continue
      }
      model = news.weights
      yield { ...ownerTrained(round, news, undefined), weights: model }
    }
  }
}

/**
 * A federation's events with those of a baseline that trains at the same time, round by round. Each takes of the machine
 * what the other leaves; the baseline begins first, because it trains as long as all owners together.
 */
export function withBaseline(
  federation: AsyncIterable<FederationEvent>,
  baseline: AsyncIterator<OwnerProgress | BaselineTrained>,
): AsyncIterable<FederationEvent> {
  return withProgress<OwnerProgress, FederationEvent>((report) => sideBySide(federation, baseline, report))
}

async function* sideBySide(
  federation: AsyncIterable<FederationEvent>,
  baseline: AsyncIterator<OwnerProgress | BaselineTrained>,
  report: (progress: OwnerProgress) => void,
): AsyncGenerator<FederationEvent> {
  let training: Promise<BaselineTrained | undefined> | undefined
  const begin = () => {
    training = nextTrained(baseline, report)
    // It may fail before the owners are done, and is looked at then.
    training.catch(() => {})
  }
  for await (const event of federation) {
    if (event.type === 'round-finished') {
      const trained = await training
      if (trained) yield trained
      yield { ...event, baseline: trained }
    } else {
      yield event.type === 'started' ? { ...event, baseline: true } : event
    }
    if (event.type === 'started' || event.type === 'round-finished') begin()
  }
}

async function nextTrained(
  baseline: AsyncIterator<OwnerProgress | BaselineTrained>,
  report: (progress: OwnerProgress) => void,
): Promise<BaselineTrained | undefined> {
  for (;;) {
    const { value, done } = await baseline.next()
    if (done) return undefined
    if (value.type === 'owner-trained') return value
    report(value)
  }
}
