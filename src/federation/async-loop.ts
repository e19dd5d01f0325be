import type { Algorithm, State } from '../algorithm/algorithm.ts'
import { assertFinite } from '../algorithm/assert-finite.ts'
import { Drift } from '../algorithm/drift.ts'
import type { Arrival, Pace, Versions } from '../algorithm/pace/pace.ts'
import { accuracy, type Evaluation } from '../engine/engine.ts'
import { mapTensors } from '../weights/map-tensors.ts'
import { WeightPool } from '../weights/pool.ts'
import type { Weights } from '../weights/weights.ts'
import { Timetable } from './arrivals.ts'
import { Clock } from './clock.ts'
import type { Cohort, OwnerProgress, Update } from './cohort.ts'
import { DeferredCounts } from './deferred.ts'
import { type FederationEvent, type OwnerTrained, ownerTrained } from './events.ts'
import { finishedEvent, type Rounds, type Start, scoredBy, startedEvent } from './loop.ts'
import type { Order } from './order.ts'
import { isEvaluated, lastRound, learningRate } from './schedule.ts'
import { Trainings } from './trainings.ts'
import { withProgress } from './with-progress.ts'

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
 * last version as soon as its model has arrived. Every bit of the result follows from the order of arrivals, which is
 * that of simulated speeds, or is recorded.
 *
 * @throws FedunifyError (training) if an owner fails or a version is not finite
 * @throws the signal's reason once it is aborted
 */
export const runAsync = (...given: AsyncRun): AsyncIterable<FederationEvent> =>
  withProgress<OwnerProgress, FederationEvent>((report) => versions(report, ...given))

type AsyncRun = [
  cohort: Cohort,
  chosen: { readonly algorithm: Algorithm; readonly pace: Pace; readonly order: Order },
  plan: Rounds,
  start: Start,
  signal: AbortSignal,
]

async function* versions(
  report: (progress: OwnerProgress) => void,
  ...[cohort, { algorithm, pace, order }, plan, start, given]: AsyncRun
): AsyncGenerator<FederationEvent> {
  const whole = new Clock()
  const last = lastRound(plan)
  yield startedEvent(cohort, algorithm, { last, done: start.round })
  const owners = cohort.owners.map(({ owner }) => owner)
  const table = new Timetable(owners, pace.buffer, order.past)
  const ended = new AbortController()
  const signal = AbortSignal.any([given, ended.signal])
  const trainings = new Trainings({ cohort, order, table, plan, signal, report })
  const pool = new WeightPool()
  const counts = new DeferredCounts()
  const count = () => counts.add({ traffic: cohort.takeTraffic(), disclosed: cohort.takeDisclosed() })

  let { round, state } = start
  let model = start.model!
  let reached = false
  try {
    for (const owner of owners) await trainings.begin(owner, state[baseOf(owner)]!, { knows: round > 0, saved: round })
    while (round < last && !reached) {
      signal.throwIfAborted()
      const saved = round
      round += 1
      const clock = new Clock()
      const evaluate = isEvaluated(plan, round)
      const arrivals: TimedArrival[] = []
      const locals = new Map<number, OwnerTrained>()
      const kept: Record<string, Weights> = { ...state }
      for (let place = 1; place <= pace.buffer; place++) {
        const { owner, time } = await order.next()
        const update = told(await trainings.arrived(owner), evaluate)
        count()
        counts.arrived(owner)
        const { from } = table.land(owner, time)
        const base = kept[baseOf(owner)]!
        arrivals.push({ owner, time, trained: update.weights, base, staleness: saved - from })
        if (pace.keepsLast) kept[lastOf(owner)] = update.weights
        const local = ownerTrained(round, update, update.received)
        locals.set(owner, local)
        clock.stop()
        yield local
        clock.go()
        if (place === pace.buffer) continue
        // The buffer is not full yet: it begins anew from the version that there is.
        kept[baseOf(owner)] = model
        await trainings.begin(owner, model, { knows: false, saved })
      }
      const train = clock.lap()

      const drift = new Drift(pool)
      for (const { trained } of arrivals) drift.add(trained)
      const known = owners.flatMap((owner) => (kept[lastOf(owner)] ? [[owner, kept[lastOf(owner)]!] as const] : []))
      model = assertFinite(versionOf(pace, { model, lastOf: new Map(known) }, arrivals), round, 'the pace')
      const { owner: filler } = arrivals.at(-1)!
      kept[baseOf(filler)] = model
      state = kept
      const merge = clock.lap()

      const ref = await cohort.publish(model, evaluate ? owners : [])
      await trainings.begin(filler, model, { knows: evaluate, saved })
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
        arrivals: arrivals.map(({ owner, time, staleness }) => {
          return { owner, time, staleness, weight: pace.weight(staleness) }
        }),
        ...counts.take(owners),
        baseline: undefined,
        seconds: { train, merge, evaluate: clock.lap() },
      }
    }
  } finally {
    // What is still under way arrives nowhere.
    ended.abort()
  }
  yield finishedEvent(plan, { round, reached, seconds: whole.lap() })
}

interface TimedArrival extends Arrival {
  readonly time: number
}

/** An owner that could not know of which version its model is part has evaluated it, whether that is wanted or not. */
const told = (update: Update, evaluate: boolean): Update =>
  evaluate ? update : { ...update, local: undefined, received: undefined }

/** The next version, in memory of its own: owners train from it for as long as they like. */
function versionOf(pace: Pace, versions: Versions, arrivals: readonly Arrival[]): Weights {
  return mapTensors(versions.model, (data, name) => {
    const out = new Float32Array(data.length)
    pace.step(name, versions, arrivals, out)
    return out
  })
}
