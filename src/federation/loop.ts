import type { Algorithm, State } from '../algorithm/algorithm.ts'
import { accuracy, addEvaluations, type Evaluation } from '../engine/engine.ts'
import type { Weights } from '../weights/weights.ts'
import { Clock } from './clock.ts'
import type { Cohort } from './cohort.ts'
import { type FederationEvent, type OwnerTrained, ownerTrained, type Scored } from './events.ts'
import { fitHead } from './fit-head.ts'
import { isEvaluated, isKept, type Keeping, lastRound, learningRate, type Schedule } from './schedule.ts'

/** How many rounds there are, how the learning rate goes, and what is kept of them. */
export interface Rounds extends Schedule, Keeping {
  /** Stop once the unified model is this accurate on every owner's test set. */
  readonly 'stop-at'?: number | undefined
}

/** Where a federation begins: before round 1, or after a round that a checkpoint holds. */
export interface Start {
  /** Rounds that are done. */
  readonly round: number
  /** The unified model; undefined before round 1 if each owner begins with weights of its own. */
  readonly model: Weights | undefined
  /** The server's state. */
  readonly state: State
}

/**
 * The paper's algorithm (Lee 2021, section III): every owner trains from the unified model, their updates are folded
 * into the next one, which goes back to them, until the rounds are over or it is accurate enough at every owner.
 *
 * @throws FedunifyError (training) if an owner or a rule fails: a round counts every owner or none
 * @throws the signal's reason once it is aborted
 */
export async function* runFederation(
  cohort: Cohort,
  algorithm: Algorithm,
  plan: Rounds,
  start: Start,
  signal: AbortSignal,
): AsyncGenerator<FederationEvent> {
  const whole = new Clock()
  const { merges, head } = algorithm
  const owners = cohort.owners.map(({ owner }) => owner)
  const last = lastRound(plan)
  yield startedEvent(cohort, algorithm, { last, done: start.round })

  const stopAt = plan['stop-at']
  const reachedStopAt = (scores: ReadonlyMap<number, Evaluation>) =>
    stopAt !== undefined && [...scores.values()].every((score) => accuracy(score) >= stopAt)
  let { round, model, state } = start
  let ref = model && (await cohort.publish(model))
  /** The unified model at each owner, if it is known. */
  const asked = round > 0 && stopAt !== undefined && isEvaluated(plan, round)
  let received = ref && asked ? await cohort.evaluate(ref, signal) : undefined
  let reached = received !== undefined && reachedStopAt(received)
  while (round < last && !reached) {
    signal.throwIfAborted()
    round += 1
    const clock = new Clock()
    const lr = learningRate(plan, round)
    const evaluate = isEvaluated(plan, round)
    const instruct = (owner: number) => algorithm.instruct(state, owner)
    const fold = algorithm.fold({ round, base: model })
    const locals: OwnerTrained[] = []
    const evaluateReceived = (owner: number) => evaluate && !received?.has(owner)
    for await (const news of cohort.train({ round, lr, model: ref, instruct, evaluate, evaluateReceived }, signal)) {
      if (news.type !== 'update') {
        yield news
        continue
      }
      fold.add(news)
      const local = ownerTrained(round, news, evaluate ? (received?.get(news.owner) ?? news.received) : undefined)
      locals.push(local)
      yield isKept(plan, round) ? { ...local, kept: { weights: news.weights, received: model } } : local
    }
    const train = clock.lap() - fold.seconds

    const folded = fold.finish()
    const stepped = algorithm.step(state, model, folded)
    ;({ model, state } = stepped)
    const merge = clock.lap() + fold.seconds

    ref = await cohort.publish(model)
    received = evaluate ? await cohort.evaluate(ref, signal) : undefined
    reached = received !== undefined && reachedStopAt(received)
    const scored = [scoredBy(merges[0]!, received)]
    for (const [i, other] of stepped.others.entries()) {
      const scores = evaluate ? await cohort.evaluate(await cohort.publish(other), signal) : undefined
      scored.push(scoredBy(merges[i + 1]!, scores))
    }
    const fitted = head && evaluate ? await fitHead(cohort, head, ref, { round, signal }) : undefined
    if (head) scored.push(scoredBy(head.name, fitted?.scores))
    yield {
      type: 'round-finished',
      round,
      lr,
      locals,
      absent: owners.filter((owner) => locals.every((local) => local.owner !== owner)),
      merges: scored,
      weights: model,
      head: fitted?.head,
      serverState: state,
      ownerStates: cohort.states(round),
      drift: folded.drift,
      stepSize: stepped.stepSize,
      traffic: cohort.takeTraffic(),
      disclosed: cohort.takeDisclosed(),
      baseline: undefined,
      seconds: { train, merge, evaluate: clock.lap() },
    }
  }
  yield finishedEvent(plan, { round, reached, seconds: whole.lap() })
}

/** @param rounds the last one that is to be done, and how many an earlier process has done */
export function startedEvent(
  cohort: Cohort,
  { merges, head }: Algorithm,
  { last, done }: { readonly last: number; readonly done: number },
): FederationEvent {
  const owners = cohort.owners.map(({ owner }) => owner)
  const withoutMetrics = cohort.owners.flatMap(({ owner, testImages }) => (testImages === undefined ? [owner] : []))
  const series = head ? [...merges, head.name] : merges
  const kept = withoutMetrics.length > 0 && { withoutMetrics }
  return { type: 'started', owners, rounds: last, done, merges: series, baseline: false, ...kept }
}

export const finishedEvent = (
  { rounds }: Rounds,
  { round, reached, seconds }: { readonly round: number; readonly reached: boolean; readonly seconds: number },
): FederationEvent => ({
  type: 'finished',
  rounds: round,
  reason: reached ? 'stop-at' : round < rounds ? 'stop-after' : 'rounds',
  seconds,
})

export const scoredBy = (merge: string, scores: ReadonlyMap<number, Evaluation> = new Map()): Scored => ({
  merge,
  unified: scores.size > 0 ? addEvaluations([...scores.values()]) : undefined,
  evaluatedBy: scores.size,
})
