import type { Instruction, State } from '../algorithm/algorithm.ts'
import type { Attack } from '../algorithm/attack/attack.ts'
import type { Objective, OwnerStart } from '../algorithm/objective/objective.ts'
import type { Shard } from '../data/dataset.ts'
import { stepsOf } from '../engine/effective-steps.ts'
import type { Evaluation, Learner, Progress, Trained } from '../engine/engine.ts'
import type { PerturbHook } from '../engine/hooks.ts'
import { FedunifyError } from '../errors.ts'
import { handedIn } from '../privacy/noise/at-owner.ts'
import type { OwnerNoise } from '../privacy/noise/owner-noise.ts'
import type { RecordNoise } from '../privacy/record/mechanism.ts'
import { stream } from '../random.ts'
import type { Weights } from '../weights/weights.ts'
import type { OwnerCard, Update } from './cohort.ts'
import { type MaskSettings, OwnerMasks } from './owner-masks.ts'
import { type Asked, measureAll } from './owner-statistics.ts'
import type { MaskedTask } from './sum-member.ts'

/** How an owner trains, in every round. */
export interface OwnerSettings {
  readonly batch: number
  /** Epochs to train in a round, or at most to train if there is an accuracy to train to. */
  readonly epochs: number
  readonly untilAccuracy: number | undefined
  readonly objective: Objective
  /** Where it takes gradients, whatever its objective is; undefined if at the weights themselves. */
  readonly perturb?: PerturbHook | undefined
  /** That of the optimizer; 0 if it has none. */
  readonly momentum: number
  /** How many images it trains on of each class. */
  readonly labels: readonly number[]
  /** The weights that it begins with if it receives none. */
  readonly initial: () => Weights
  /** What merge rules ask of it beside its weights; undefined if nothing. */
  readonly asked?: Asked | undefined
  /** Who it is, for messages; default: "owner 3". */
  readonly name?: string
  /** What it does if it is hostile. */
  readonly hostile?: Hostile | undefined
  /** How its change is clipped, and whether it adds noise; undefined if neither. */
  readonly noise?: OwnerNoise | undefined
  /** How it masks its updates; undefined if it does not. */
  readonly masks?: MaskSettings | undefined
  /** How it hides each of its images while it trains; undefined if it does not. */
  readonly record?: RecordNoise | undefined
}

/** A hostile owner's attack, on the classes and with the seed of a run. */
export interface Hostile extends Pick<Attack, 'disguise'> {
  readonly relabel?: Uint8Array | undefined
  readonly seed: number
}

/** A round's task as one owner gets it. */
export interface OwnerTask {
  readonly round: number
  readonly lr: number
  readonly evaluate: boolean
  readonly evaluateReceived: boolean
  readonly instruction: Instruction
  /** In a round under masks, which it has joined before. */
  readonly masked?: MaskedTask | undefined
}

/** An update at its owner, which has all of its metrics whether it shares them or not. */
export type OwnUpdate = Update & Trained

/** One data owner as a cohort asks it: it takes models, and gives weights and counts, never images. */
export interface Owner {
  readonly card: OwnerCard
  /** How it masks its updates; undefined if it does not. */
  readonly masks?: OwnerMasks | undefined
  /** @param model that it received; undefined in a first round in which each owner begins with weights of its own */
  train(model: Weights | undefined, task: OwnerTask, report: (progress: Progress) => void): Promise<OwnUpdate>
  /** A model on this owner's own test set. */
  evaluate(model: Weights): Promise<Evaluation>
  /** What it keeps of a round; nothing if it keeps none. */
  state(round: number): State
  /** Takes up the state that it had after a round. */
  restore(round: number, state: State): void
}

/**
 * An owner of a shard of the dataset: it trains and evaluates on its own shard, and keeps its own state. It is the same in the server's
 * process, in another and on another machine.
 */
export class ShardOwner implements Owner {
  readonly card: OwnerCard
  readonly masks: OwnerMasks | undefined
  readonly #shard: Shard
  readonly #learner: Learner
  readonly #settings: OwnerSettings
  readonly #name: string
  /** After which round it had which state. The last one stays: a round that does not count is trained again. */
  readonly #states = new Map<number, State>()

  constructor(shard: Shard, learner: Learner, settings: OwnerSettings) {
    this.card = { owner: shard.owner, trainImages: shard.train.length, testImages: shard.test.length }
    this.#shard = shard
    this.#learner = learner
    this.#settings = settings
    this.#name = settings.name ?? `owner ${shard.owner}`
    this.masks = settings.masks && new OwnerMasks(settings.masks, this.#name)
  }

  async train(model: Weights | undefined, task: OwnerTask, report: (progress: Progress) => void): Promise<OwnUpdate> {
    const { objective, perturb, momentum, labels, batch, epochs, untilAccuracy, initial, asked } = this.#settings
    const { hostile, record } = this.#settings
    const { round, lr, instruction, evaluate, evaluateReceived, masked } = task
    const { owner, trainImages } = this.card
    const { train, test } = this.#shard
    const start = { received: model ?? initial(), instruction, state: this.#stateBefore(round), labels }
    const own = objective.hooks(start)
    const hooks = perturb ? { ...own, perturb } : own
    const plan = { owner, name: this.#name, round, lr, train, test, batch, epochs, untilAccuracy, evaluate }
    const trained = await this.#learner.train(
      start.received,
      {
        ...plan,
        ...(hooks && { hooks }),
        ...(hostile?.relabel && { relabel: hostile.relabel }),
        ...(record && { record }),
      },
      report,
    )
    const steps = stepsOf({ epochs: trained.epochs, images: train.length, batch, momentum })
    const end = objective.end?.({ ...start, trained: trained.weights, steps, lr })
    this.restore(round, end?.state ?? {})
    const where = { owner, name: this.#name, round, train }
    const statistics = asked && (await measureAll(this.#learner, trained.weights, asked, where))
    // After the training, so that none waits for it.
    const received = evaluateReceived ? await this.evaluate(start.received) : undefined
    const disguised = this.#disguised(start.received, trained.weights, round)
    const { weights, sent } = this.#protected(start, disguised, round)
    const also = { ...end?.sent, ...sent }
    const update = { type: 'update' as const, owner, trainImages, sent: also, statistics, received }
    if (!this.masks) return { ...update, ...trained, weights }
    return { ...update, ...trained, weights: new Map(), sealed: this.masks.seal(start.received, weights, masked!) }
  }

  /** What of that leaves it, and what it sends for it. */
  #protected({ received, instruction }: OwnerStart, trained: Weights, round: number) {
    const { noise } = this.#settings
    if (!noise) return { weights: trained, sent: {} }
    return handedIn(noise, { round, owner: this.card.owner, received, trained, instruction })
  }

  /** What it hands in for the weights that it has trained. */
  #disguised(received: Weights, trained: Weights, round: number): Weights {
    const { hostile } = this.#settings
    if (!hostile?.disguise) return trained
    return hostile.disguise(received, trained, (tensor) =>
      stream(hostile.seed, 'attack', round, this.card.owner, tensor),
    )
  }

  /** @param model that it received; if none, the weights that it begins with */
  evaluate(model: Weights | undefined): Promise<Evaluation> {
    return this.#learner.evaluate(model ?? this.#settings.initial(), this.#shard.test)
  }

  state(round: number): State {
    return this.#states.get(this.#newest(round) ?? round) ?? {}
  }

  /** Whether it has the state with which a round begins. */
  knowsBefore(round: number): boolean {
    return this.#newest(round - 1) !== undefined
  }

  restore(round: number, state: State): void {
    const before = this.#newest(round - 1) ?? round
    this.#states.set(round, state)
    for (const known of this.#states.keys()) if (known < before) this.#states.delete(known)
  }

  /** The last round up to this one after which it has a state: it may have been absent since. */
  #newest(round: number): number | undefined {
    let newest: number | undefined
    for (const known of this.#states.keys()) if (known <= round) newest = Math.max(known, newest ?? known)
    return newest
  }

  #stateBefore(round: number): State {
    const { objective } = this.#settings
    const newest = this.#newest(round - 1)
    const after = objective.absences ? newest : round - 1
    const state = after === undefined ? undefined : this.#states.get(after)
    if (state) return state
    if (round === 1 || !objective.end || objective.absences) return {}
    throw new FedunifyError(
      'E_OWNER_STATE',
      `${this.#name}, round ${round}: it has no state of round ${round - 1}`,
      'it must take part in every round, or go on from where it left off',
      { owner: this.card.owner, round },
    )
  }
}
