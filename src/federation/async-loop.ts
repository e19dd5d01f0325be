import type { Algorithm, State } from '../algorithm/algorithm.ts'
import { assertFinite } from '../algorithm/assert-finite.ts'
import { Drift } from '../algorithm/drift.ts'
import type { Arrival, Pace, Versions } from '../algorithm/pace/pace.ts'
import { accuracy, type Evaluation } from '../engine/engine.ts'
import { mapTensors } from '../weights/map-tensors.ts'
import { WeightPool } from '../weights/pool.ts'
import type { Weights } from '../weights/weights.ts'
import { type Arriving, arrivalsOf } from './arrivals.ts'
import { Clock } from './clock.ts'
import type { Cohort, OwnerProgress, Update } from './cohort.ts'
import { DeferredCounts } from './deferred.ts'
import { type FederationEvent, type OwnerTrained, ownerTrained } from './events.ts'
import { finishedEvent, type Rounds, type Start, scoredBy, startedEvent } from './loop.ts'
import { isEvaluated, lastRound, learningRate } from './schedule.ts'
import { withProgress } from './with-progress.ts'

/** The paces of a run without waiting: the part, and how long each owner takes. */
export interface AsyncPlan extends Rounds {
  readonly speeds: readonly number[]
}

/** What is needed to go on from a version: what each owner trains from, and its last model if the pace keeps it. */
const baseOf = (owner: number) => `pace/base/${owner}`
const lastOf = (owner: number) => `pace/last/${owner}`

/** What the server keeps before the first version. */
export function asyncState(owners: readonly number[], initial: Weights, { keepsLast }: Pace): State {
  const names = owners.flatMap((owner) => [baseOf(owner), ...(keepsLast ? [lastOf(owner)] : [])])
  return Object.fromEntries(names.map((name) => [name, initial]))
}

/**
 * Rounds without waiting: a round is a version of the model, made of the next arrivals. Each owner begins anew from the
 * last version as soon as its model has arrived. Time is virtual, so that the order of arrivals, and with it every bit,
 * follows from `speeds` alone.
 *
 * @throws FedunifyError (training) if an owner fails or a version is not finite
 * @throws the signal's reason once it is aborted
 */
export const runAsync = (...given: AsyncRun): AsyncIterable<FederationEvent> =>
  withProgress<OwnerProgress, FederationEvent>((report) => versions(report, ...given))

type AsyncRun = [
  cohort: Cohort,
  chosen: { readonly algorithm: Algorithm; readonly pace: Pace },
  plan: AsyncPlan,
  start: Start,
  signal: AbortSignal,
]

async function* versions(
  report: (progress: OwnerProgress) => void,
  ...[cohort, { algorithm, pace }, plan, start, signal]: AsyncRun
): AsyncGenerator<FederationEvent> {
  const whole = new Clock()
  const last = lastRound(plan)
  yield startedEvent(cohort, algorithm, { last, done: start.round })
  const owners = cohort.owners.map(({ owner }) => owner)
  const timetable = arrivalsOf(owners, plan.speeds, pace.buffer, last)
  /** Those of each owner, its first training first. */
  const trainings = new Map(owners.map((owner): [number, Arriving[]] => [owner, []]))
  for (const arriving of timetable) trainings.get(arriving.owner)!.push(arriving)
  const pool = new WeightPool()
  const counts = new DeferredCounts()
  const count = () => counts.add({ traffic: cohort.takeTraffic(), disclosed: cohort.takeDisclosed() })

  let { round, state } = start
  let model = start.model!
  const flights = new Map<number, Promise<Update>>()
  /** Sends an owner what it trains from, and begins that in the background if it arrives before the end. */
  const begin = async (owner: number, turn: number, base: Weights, { knows }: { readonly knows: boolean }) => {
    const ref = await cohort.publish(base, knows ? [] : [owner])
    const arriving = trainings.get(owner)![turn - 1]
    if (!arriving) return
    const { from, at } = arriving
    const lr = learningRate(plan, from + 1)
    const evaluate = isEvaluated(plan, at)
    const task = { round: turn, lr, model: ref, evaluate, evaluateReceived: () => evaluate, instruct: () => ({}) }
    const update = updateOf(cohort.train({ ...task, only: [owner] }, signal), (news) => report({ ...news, round: at }))
    // It may fail before it is waited for, and is looked at then.
    update.catch(() => {})
    flights.set(owner, update)
  }
  for (const owner of owners) {
    const done = trainings.get(owner)!.filter((one) => one.at <= round).length
    await begin(owner, done + 1, state[baseOf(owner)]!, { knows: round > 0 })
  }

  let reached = false
  while (round < last && !reached) {
    signal.throwIfAborted()
    round += 1
    const clock = new Clock()
    const evaluate = isEvaluated(plan, round)
    const now = timetable.slice((round - 1) * pace.buffer, round * pace.buffer)
    const arrivals: Arrival[] = []
    const locals = new Map<number, OwnerTrained>()
    const kept: Record<string, Weights> = { ...state }
    for (const [i, landing] of now.entries()) {
      const { owner, from } = landing
      const update = await flights.get(owner)!
      count()
      counts.arrived(owner)
      arrivals.push({ owner, trained: update.weights, base: kept[baseOf(owner)]!, staleness: round - 1 - from })
      if (pace.keepsLast) kept[lastOf(owner)] = update.weights
      const local = ownerTrained(round, update, update.received)
      locals.set(owner, local)
      clock.stop()
      yield local
      clock.go()
      if (i === now.length - 1) continue
      // The buffer is not full yet: it begins anew from the version that there is.
      kept[baseOf(owner)] = model
      await begin(owner, landing.turn + 1, model, { knows: false })
    }
    const train = clock.lap()

    const drift = new Drift(pool)
    for (const { trained } of arrivals) drift.add(trained)
    const lastModels = new Map(owners.flatMap((owner) => (kept[lastOf(owner)] ? [[owner, kept[lastOf(owner)]!]] : [])))
    model = assertFinite(versionOf(pace, { model, lastOf: lastModels }, arrivals), round, 'the pace')
    const landed = now.at(-1)!
    kept[baseOf(landed.owner)] = model
    state = kept
    const merge = clock.lap()

    const ref = await cohort.publish(model, evaluate ? owners : [])
    await begin(landed.owner, landed.turn + 1, model, { knows: evaluate })
    const scores = evaluate ? await cohort.evaluate(ref, signal) : new Map<number, Evaluation>()
    const stopAt = plan['stop-at']
    reached =
      stopAt !== undefined && scores.size > 0 && [...scores.values()].every((score) => accuracy(score) >= stopAt)
    count()
    yield {
      type: 'round-finished',
      round,
      lr: learningRate(plan, round),
      locals: owners.flatMap((owner) => locals.get(owner) ?? []),
      absent: owners.filter((owner) => !locals.has(owner)),
      merges: [scoredBy(algorithm.merges[0]!, scores)],
      weights: model,
      serverState: state,
      ownerStates: new Map(),
      drift: drift.finish(),
      arrivals: arrivals.map(({ owner, staleness }, i) => {
        return { owner, time: now[i]!.time, staleness, weight: pace.weight(staleness) }
      }),
      ...counts.take(owners),
      baseline: undefined,
      seconds: { train, merge, evaluate: clock.lap() },
    }
  }
  yield finishedEvent(plan, { round, reached, seconds: whole.lap() })
}

/** The next version, in memory of its own: owners train from it for as long as they like. */
function versionOf(pace: Pace, versions: Versions, arrivals: readonly Arrival[]): Weights {
  return mapTensors(versions.model, (data, name) => {
    const out = new Float32Array(data.length)
    pace.step(name, versions, arrivals, out)
    return out
  })
}

async function updateOf(
  news: AsyncIterable<OwnerProgress | Update>,
  report: (progress: OwnerProgress) => void,
): Promise<Update> {
  for await (const one of news) {
    if (one.type === 'update') return one
    report(one)
  }
  throw new Error('an owner was asked, and did not answer')
}
