import pMap from 'p-map'
import type { Unmasking } from '../../privacy/masks/dropouts/unmasking.ts'
import { tidy } from '../../system/memory.ts'
import { flatten } from '../../weights/named.ts'
import { safetensorsSize } from '../../weights/safetensors.ts'
import type { Weights } from '../../weights/weights.ts'
import type {
  Cohort,
  HeadOwners,
  ModelRef,
  OwnerCard,
  OwnerProgress,
  OwnerStates,
  RoundTask,
  Update,
} from '../cohort.ts'
import { type Disclosed, DisclosureCount, MASKED, statisticFields, weightFields } from '../disclosure.ts'
import { type Counts, maskTraffic } from '../mask-traffic.ts'
import type { MaskedRounds, UnderWay } from '../masked-rounds.ts'
import type { Owner, OwnerTask } from '../owner.ts'
import { updateTensors } from '../tensors.ts'
import { type Traffic, TrafficCount } from '../traffic.ts'
import { withProgress } from '../with-progress.ts'
import { inTurn } from './in-turn.ts'
import { headOwners, type LocalHeads } from './local-heads.ts'
import { localParty } from './local-parties.ts'
import { longestFirst } from './longest-first.ts'
import { wouldSend } from './would-send.ts'

/**
 * For each worker, owners that may be done before one that is slow. Few hold little memory; with fewer still, workers
 * wait for the main thread.
 */
export const AHEAD = 4

/** Bytes of models that may be held beside these, because owners with many images begin before it is their turn. */
const HELD = 2 ** 28

/**
 * For each worker and one more, so that none waits for work, owners that evaluate at a time: they hold one model between
 * them, and the learner may take several with few images at once.
 */
const EVALUATED_AHEAD = 64

/** What a cohort of owners in this process may have beside them. */
interface More {
  readonly heads?: LocalHeads | undefined
  /** Undefined if the owners do not mask their updates. */
  readonly masks?: MaskedRounds | undefined
}

/** Owners in this process, whose learner trains `workers` of them at a time. */
export class LocalCohort implements Cohort {
  readonly owners: readonly OwnerCard[]
  readonly heads: HeadOwners | undefined
  readonly #owners: readonly Owner[]
  readonly #place: ReadonlyMap<number, number>
  readonly #workers: number
  readonly #masks: MaskedRounds | undefined
  #unmasking: Unmasking | undefined
  readonly #models = new WeakMap<ModelRef, Weights>()
  /** What would have travelled since it was last taken, by owner: all of it is safetensors. */
  readonly #traffic: TrafficCount
  readonly #disclosed: DisclosureCount
  readonly #counts: Counts
  #published = 0
  /** Whether the owners have the model that is published next: this run had sent it before it was interrupted. */
  #known = false

  constructor(owners: readonly Owner[], workers: number, { heads, masks }: More = {}) {
    this.#masks = masks
    this.owners = owners.map(({ card }) => card)
    this.#owners = owners
    this.#place = new Map(this.owners.map(({ owner }, i) => [owner, i]))
    this.#workers = workers
    this.#traffic = new TrafficCount(this.owners)
    this.#disclosed = new DisclosureCount(this.owners)
    this.#counts = { traffic: this.#traffic, disclosed: this.#disclosed, place: (owner) => this.#place.get(owner)! }
    const weightsOf = (model: ModelRef) => this.#models.get(model)!
    this.heads = heads && headOwners(heads, { ...this.#counts, workers, weightsOf })
  }

  async publish(model: Weights, to?: readonly number[]): Promise<ModelRef> {
    const ref = { id: ++this.#published }
    this.#models.set(ref, model)
    const size = this.#known ? 0 : safetensorsSize(model)
    for (const i of this.#places(to)) this.#traffic.down(i, size)
    this.#known = false
    return ref
  }

  train(task: RoundTask): AsyncIterable<OwnerProgress | Update> {
    return this.#masks ? this.#trainMasked(task, this.#masks) : this.#trainAll(task)
  }

  /** The owners that train join the round first, and help to unmask the sum of their updates at the end. */
  async *#trainMasked(task: RoundTask, masks: MaskedRounds): AsyncGenerator<OwnerProgress | Update> {
    const owners = this.#places(task.only).map((i) => this.#owners[i]!)
    const parties = owners.map(({ card, masks }) => localParty(card, masks!))
    const round = await masks.begin(task.round, parties, maskTraffic(this.#counts))
    yield* this.#trainAll(task, round)
    this.#unmasking = await round.unmasking(round.training)
  }

  unmasking(): Unmasking | undefined {
    return this.#unmasking
  }

  #trainAll(task: RoundTask, masked?: UnderWay): AsyncIterable<OwnerProgress | Update> {
    const { round, lr, model, evaluate } = task
    // The last round's updates are garbage by now.
    tidy()
    const received = model && this.#models.get(model)!
    const places = this.#places(task.only)
    const images = places.map((i) => this.owners[i]!.trainImages)
    const room = received ? Math.floor(HELD / safetensorsSize(received)) : 0
    const starts = longestFirst(images, this.#workers, room)
    return withProgress<OwnerProgress, Update>((report) =>
      // The learner lets owners wait for a free worker; what is bounded here is how many models wait to be taken.
      inTurn(
        starts,
        async (place) => {
          const i = places[place]!
          const { owner } = this.owners[i]!
          const own = { instruction: task.instruct(owner), evaluateReceived: task.evaluateReceived(owner) }
          const given = { round, lr, evaluate, masked: masked?.taskOf(owner), ...own }
          return await this.#trainOne(i, received, given, (progress) =>
            report({ type: 'owner-progress', round, owner, ...progress }),
          )
        },
        AHEAD * this.#workers,
      ),
    )
  }

  /** Where owners stand among all, in that order; default: all of them. */
  #places(owners: readonly number[] = this.owners.map(({ owner }) => owner)): number[] {
    return owners.map((owner) => this.#place.get(owner)!).sort((a, b) => a - b)
  }

  /** Trains an owner, and counts what it would be sent and send back. */
  async #trainOne(i: number, model: Weights | undefined, task: OwnerTask, report: Parameters<Owner['train']>[2]) {
    const { owner } = this.owners[i]!
    const update = await this.#owners[i]!.train(model, task, (progress) => {
      this.#disclosed.message(owner, 'progress', wouldSend.progress(progress))
      report(progress)
    })
    const instruction = flatten(task.instruction)
    // Without a tensor there is nothing to send with the model.
    if (instruction.size > 0) this.#traffic.down(i, safetensorsSize(instruction))
    const { sealed } = update
    const size = sealed ? sealed.words.byteLength : safetensorsSize(updateTensors(update))
    this.#traffic.up(i, size)
    if (sealed) this.#disclosed.note(owner, 'masked', MASKED, size)
    else this.#disclosed.note(owner, 'weights', weightFields(Object.keys(update.sent).length > 0), size)
    if (update.statistics) {
      const more = safetensorsSize(flatten(update.statistics))
      this.#traffic.up(i, more)
      this.#disclosed.note(owner, 'statistics', statisticFields(update.statistics), more)
    }
    this.#disclosed.message(owner, 'update', wouldSend.update(update, task.round))
    return update
  }

  async evaluate(model: ModelRef) {
    const weights = this.#models.get(model)!
    const score = async (owner: Owner) => {
      const evaluation = await owner.evaluate(weights)
      this.#disclosed.message(owner.card.owner, 'evaluation', wouldSend.evaluation(evaluation))
      return [owner.card.owner, evaluation] as const
    }
    return new Map(await pMap(this.#owners, score, { concurrency: EVALUATED_AHEAD * (this.#workers + 1) }))
  }

  takeTraffic(): Traffic[] {
    return this.#traffic.take()
  }

  takeDisclosed(): Disclosed[] {
    return this.#disclosed.take()
  }

  states(round: number): OwnerStates {
    const states = this.#owners.map((owner) => [owner.card.owner, owner.state(round)] as const)
    return new Map(states.filter(([, state]) => Object.keys(state).length > 0))
  }

  restore(round: number, states: OwnerStates): void {
    this.#known = round > 0
    for (const owner of this.#owners) {
      const state = states.get(owner.card.owner)
      if (state) owner.restore(round, state)
    }
  }

  async close(): Promise<void> {}
}
