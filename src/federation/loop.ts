import type { Algorithm, State } from '../algorithm/algorithm.ts'
import { accuracy, addEvaluations, type Evaluation } from '../engine/engine.ts'
import { type Account, affordableRounds, spentAfter } from '../privacy/account.ts'
import type { Weights } from '../weights/weights.ts'
import { Clock } from './clock.ts'
import type { Cohort } from './cohort.ts'
import { drawnCount, drawnOwners, type Participation } from './drawn-owners.ts'
import { type FederationEvent, type OwnerTrained, ownerTrained, type Scored } from './events.ts'
import { fitHead } from './fit-head.ts'
import { isEvaluated, isKept, type Keeping, lastRound, learningRate, type Schedule } from './schedule.ts'
import type { Traffic } from './traffic.ts'

/** How many rounds there are, how the learning rate goes, and what is kept of them. */
export interface Rounds extends Schedule, Keeping {
  /** Stop once the unified model is this accurate on every owner's test set. */
  readonly 'stop-at'?: number | undefined
  /** How many owners train in a round, drawn with the seed; undefined: all. */
  readonly participants?: Participation | undefined
  readonly seed?: number | undefined
  /** What the noise of the rounds costs, if there is any: the rounds end before its budget does. */
  readonly account?: Account | undefined
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
 * into the next one, which goes back to them, until the rounds are over, it is accurate enough at every owner, or the
 * next round would cost more than the budget of the noise has.
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
  const { participants, seed = 0, account } = plan
  const last = account ? affordableRounds(account, lastRound(plan)) : lastRound(plan)
  const drawn = participants && ((round: number) => drawnOwners({ seed, participants }, owners, round))
  const each = participants && drawnCount(participants, owners.length)
  yield startedEvent(cohort, algorithm, { last, done: start.round, participants: each, account })

  const stopAt = plan['stop-at']
  const reachedStopAt = (scores: ReadonlyMap<number, Evaluation>) =>
    stopAt !== undefined && [...scores.values()].every((score) => accuracy(score) >= stopAt)
  let { round, model, state } = start
  let ref = model && (await cohort.publish(model, drawn?.(round + 1)))
  /** The unified model at each owner, if it is known. */
  const asked = round > 0 && stopAt !== undefined && isEvaluated(plan, round)
  let received = ref && asked ? await cohort.evaluate(ref, signal) : undefined
  let reached = received !== undefined && reachedStopAt(received)
  while (round < last && !reached) {
    signal.throwIfAborted()
    round += 1
    const clock = new Clock()
    const lr = learningRate(plan, round)
    const evaluate = isEvaluated(plan, round, last)
    const instruct = (owner: number) => algorithm.instruct(state, owner)
    const fold = algorithm.fold({ round, base: model })
    const locals: OwnerTrained[] = []
    const evaluateReceived = (owner: number) => evaluate && !received?.has(owner)
    const only = drawn?.(round)
    const task = { round, lr, model: ref, instruct, evaluate, evaluateReceived, only }
    for await (const news of cohort.train(task, signal)) {
      if (news.type === 'update') fold.add(news)
      // What listeners take, as to write weights that are kept, is no time of training.
      clock.stop()
      if (news.type !== 'update') yield news
      else {
        const local = ownerTrained(round, news, evaluate ? (received?.get(news.owner) ?? news.received) : undefined)
        locals.push(local)
        yield isKept(plan, round, last) ? { ...local, kept: { weights: news.weights, received: model } } : local
      }
      clock.go()
    }
    const train = clock.lap() - fold.seconds

    const folded = fold.finish(cohort.unmasking?.())
    const stepped = algorithm.step(state, model, folded)
    ;({ model, state } = stepped)
    const merge = clock.lap() + fold.seconds

    // Whoever evaluates it is sent it, and those that train from it next.
    ref = await cohort.publish(model, evaluate ? undefined : drawn?.(round + 1))
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
      absent: without(only ?? owners, locals),
      merges: scored,
      weights: model,
      head: fitted?.head,
      serverState: state,
      ownerStates: cohort.states(round),
      drift: folded.drift,
      stepSize: stepped.stepSize,
      privacy: account && spentAfter(account, round, stepped.clip),
      traffic: drawn ? travelled(cohort.takeTraffic()) : cohort.takeTraffic(),
      disclosed: cohort.takeDisclosed(),
      baseline: undefined,
      seconds: { train, merge, evaluate: clock.lap() },
    }
  }
  yield finishedEvent(plan, { round, reached, last, seconds: whole.lap() })
}

/** Of thousands of owners, few are sent anything in a round. */
const travelled = (traffic: readonly Traffic[]) => traffic.filter(({ down, up }) => down + up > 0)

/** Those of the owners that have not trained. */
function without(owners: readonly number[], locals: readonly OwnerTrained[]): number[] {
  const trained = new Set(locals.map(({ owner }) => owner))
  return owners.filter((owner) => !trained.has(owner))
}

interface Beginning {
  /** The last round that is to be done, and how many an earlier process has done. */
  readonly last: number
  readonly done: number
  /** Owners that train in each round; undefined: all. */
  readonly participants?: number | undefined
  readonly account?: Account | undefined
}

export function startedEvent(
  cohort: Cohort,
  { merges, head }: Algorithm,
  { last, done, participants, account }: Beginning,
): FederationEvent {
  const owners = cohort.owners.map(({ owner }) => owner)
  const withoutMetrics = cohort.owners.flatMap(({ owner, testImages }) => (testImages === undefined ? [owner] : []))
  const series = head ? [...merges, head.name] : merges
  const more = {
    ...(participants !== undefined && { participants }),
    ...(withoutMetrics.length > 0 && { withoutMetrics }),
    ...(account && { privacy: startOf(account) }),
  }
  return { type: 'started', owners, rounds: last, done, merges: series, baseline: false, ...more }
}

const startOf = ({ level, noise, delta, budget }: Account) => ({
  level,
  noise,
  delta,
  ...(budget !== undefined && { budget }),
})

interface Ending {
  readonly round: number
  /** Whether the unified model is accurate enough. */
  readonly reached: boolean
  /** The last round that could be done. */
  readonly last?: number
  readonly seconds: number
}

export const finishedEvent = (plan: Rounds, { round, reached, last, seconds }: Ending): FederationEvent => ({
  type: 'finished',
  rounds: round,
  reason: reached ? 'stop-at' : endOf(plan, round, last),
  seconds,
})

function endOf(plan: Rounds, round: number, last = lastRound(plan)): 'budget' | 'stop-after' | 'rounds' {
  if (last < lastRound(plan)) return 'budget'
  return round < plan.rounds ? 'stop-after' : 'rounds'
}

export const scoredBy = (merge: string, scores: ReadonlyMap<number, Evaluation> = new Map()): Scored => ({
  merge,
  unified: scores.size > 0 ? addEvaluations([...scores.values()]) : undefined,
  evaluatedBy: scores.size,
})
