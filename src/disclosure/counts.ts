import { sizeOf } from '../federation/disclosure.ts'
import { drawnOwners } from '../federation/drawn-owners.ts'
import { isEvaluated, isKept, lastRound } from '../federation/schedule.ts'
import { nameOf } from '../parts.ts'
import type { RunDescription } from '../runs/run-description.ts'

/** What an owner sends or is sent of a kind of message in a whole run. */
export interface Count {
  /** Undefined if it depends on how long the training takes. */
  readonly messages?: number
  /** Of all of them, about. */
  readonly bytes?: number
}

/** What is counted of: a run, or one that is to be. */
export type Planned = Pick<RunDescription, 'config' | 'model' | 'shards' | 'dataset'>

/** What each kind of message comes to, worked out before a run: for the owner that sends most. */
export function plannedCounts(run: Planned): Record<string, Count> {
  const { config, model, dataset, shards } = run
  const rounds = Array.from({ length: lastRound(config) }, (_, i) => i + 1)
  const evaluated = rounds.filter((round) => isEvaluated(config, round)).length
  const kept = rounds.filter((round) => isKept(config, round)).length
  const trainings = mostTrainings(run, rounds)
  const weights = 4 * model.parameters
  const head = config.head && nameOf(config.head) !== 'none' ? 1 : 0
  const evaluation = evaluationBytes(dataset.class_names.length, Math.max(...shards.map(({ test }) => test ?? 0)))
  // One for each masked sum: of the updates, and of what a head is fitted to.
  const keys = trainings + head * evaluated
  const series = config.merge.length + head
  return {
    invitation: { messages: 1, bytes: sizeOf(config) },
    card: { messages: 1 },
    model: { messages: trainings, bytes: trainings * weights },
    instruction: { messages: trainings, bytes: trainings * weights },
    weights: { messages: trainings, bytes: trainings * weights },
    masked: { messages: trainings, bytes: trainings * weights },
    key: { messages: keys, bytes: keys * KEY },
    update: { messages: trainings, bytes: trainings * UPDATE + evaluated * evaluation },
    evaluation: { messages: evaluated * series, bytes: evaluated * series * evaluation },
    kept: { messages: kept, bytes: kept * weights },
  }
}

/** Bytes of a key with its signature as JSON. */
const KEY = 170

/** Bytes of an update's counts as JSON. */
const UPDATE = 150

/** Bytes of an evaluation as JSON: of its confusion matrix each row has one large count, and small ones. */
function evaluationBytes(classes: number, images: number): number {
  const row = (_: unknown, i: number) => (i % (classes + 1) === 0 ? Math.round(images / classes) : 10)
  const confusion = Array.from({ length: classes * classes }, row)
  return sizeOf({ round: 0, evaluation: { images, correct: images, loss_sum: images / 3, confusion } })
}

/** The most rounds that one owner trains in. */
function mostTrainings({ config, shards }: Planned, rounds: readonly number[]): number {
  if (!config.participants) return rounds.length
  const owners = shards.map(({ owner }) => owner)
  const times = new Map<number, number>()
  for (const round of rounds) {
    for (const owner of drawnOwners(config, owners, round)) times.set(owner, (times.get(owner) ?? 0) + 1)
  }
  return Math.max(...times.values())
}
