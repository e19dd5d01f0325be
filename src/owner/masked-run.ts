import { maskedRuleOf } from '../algorithm/make-algorithm.ts'
import { planSum } from '../algorithm/masked-plan.ts'
import type { Sealed } from '../algorithm/sealed-fold.ts'
import { FedunifyError } from '../errors.ts'
import { drawnOwners } from '../federation/drawn-owners.ts'
import type { Task, TaskOf } from '../federation/nats/wire.ts'
import { type MaskSettings, OwnerMasks } from '../federation/owner-masks.ts'
import { JoinedRounds } from '../privacy/masks/joined-rounds.ts'
import { idOf, type Listed, type MaskedRound } from '../privacy/masks/masked-round.ts'
import { systemRandom } from '../privacy/randomness.ts'
import type { Weights } from '../weights/weights.ts'
import type { AgentSettings } from './agent-settings.ts'
import type { OwnerStore } from './owner-store.ts'
import type { PreparedOwner } from './prepare-owner.ts'

export type MaskTask = Extract<Task, { what: `mask-${string}` }>

/** A task of a try that has been joined. */
type Try = Pick<TaskOf<'mask-share'>, 'round' | 'attempt'>

/** A vector under masks, and how many levels a unit of it has. */
export interface SealedWords extends Sealed {
  readonly scale: number
}

/**
 * An owner's part in the masked sums of one run. It knows itself who is to be in a sum and for how many images it counts,
 * and what it has joined is on its disk before the server hears of it.
 */
export class MaskedRun {
  readonly #run: string
  readonly #prepared: PreparedOwner
  readonly #settings: AgentSettings
  readonly #store: OwnerStore
  readonly #masks: MaskSettings
  readonly #own: OwnerMasks
  /** The try that this process has joined. */
  #joined: MaskedRound | undefined
  #sealed: SealedWords | undefined

  private constructor(
    run: string,
    prepared: PreparedOwner,
    store: OwnerStore,
    settings: AgentSettings,
    masks: MaskSettings,
  ) {
    this.#run = run
    this.#prepared = prepared
    this.#settings = settings
    this.#store = store
    this.#masks = masks
    this.#own = new OwnerMasks(masks, `owner ${settings.owner}`)
  }

  /**
   * Undefined if the experiment asks for no masks.
   * @throws FedunifyError (usage) or (data) if the owner does not have the keys of the others
   */
  static async open(
    run: string,
    prepared: PreparedOwner,
    store: OwnerStore,
    settings: AgentSettings,
  ): Promise<MaskedRun | undefined> {
    const { experiment } = prepared
    const rule = maskedRuleOf(experiment)
    if (!rule) return undefined
    const { owner, key, ownerKeys } = settings
    const joined = new JoinedRounds(owner, await store.joinedRounds())
    return new MaskedRun(run, prepared, store, settings, {
      who: { owner, identity: key, identities: await ownerKeys(), joined },
      threshold: experiment.privacy?.masks?.threshold,
      plan: (round) => planSum(rule, round),
      random: systemRandom,
    })
  }

  /** What the others and the server are to know of it. */
  async answer(task: MaskTask): Promise<object> {
    const { round } = task
    if (task.what === 'mask-before') {
      const { attempt: last = null, owners = null, opened = null } = this.#own.before(round) ?? {}
      return { what: 'mask-before', round, last, owners, opened }
    }
    const { attempt } = task
    if (task.what === 'mask-join') {
      const { owner: _, ...key } = await this.#join(task)
      return { what: 'mask-key', round, attempt, ...key }
    }
    this.#assertJoined(task)
    if (task.what === 'mask-share') {
      const shares = await this.#own.share(task.keys)
      return { what: 'mask-shares', round, attempt, shares: shares.map(({ to, box }) => ({ to, box })) }
    }
    if (task.what === 'mask-sign') {
      const { signature } = this.#own.sign(task.survivors)
      return { what: 'mask-signature', round, attempt, signature }
    }
    const shares = this.#own.open(task.signed)
    await this.#remember()
    return { what: 'mask-opened', round, attempt, shares }
  }

  /** @throws FedunifyError (training) if a round is to be trained that is not masked, or not joined by this process */
  assertMasked({ round, masked }: TaskOf<'train'>): void {
    if (masked) this.#assertJoined({ round, attempt: masked.attempt })
    else throw this.#refusal(round, 'is asked for its update without masks, but the experiment has them')
  }

  /**
   * The update of a round under its masks. What was sealed already is sent again as it is.
   * @throws FedunifyError (training) if a change is too large for the fixed point; (data) if a key or a share is not right
   */
  async seal({ round, masked }: TaskOf<'train'>, received: Weights, trained: Weights): Promise<SealedWords> {
    const joined = this.#joined!
    if (this.#sealed?.id === idOf(joined)) return this.#sealed
    const { keys, shares } = masked!
    try {
      const sealed = this.#own.seal(received, trained, { keys, ...(shares && { shares }) })
      this.#sealed = { ...sealed, scale: this.#masks.plan(joined).point.scale }
    } catch (error) {
      if (!(error instanceof FedunifyError && error.code === 'E_UPDATE')) throw error
      this.#settings.note(error.message)
      // How large it is, is nobody else's to know.
      const { hint, place } = error
      const message = `round ${round}: ${place.tensor} changes by more than masked sums hold; nothing was sent`
      throw new FedunifyError('E_UPDATE', message, hint, place)
    }
    await this.#remember()
    return this.#sealed
  }

  /** Rounds that the server has on its disk are never joined again. */
  async forget(committed: number): Promise<void> {
    const { joined } = this.#masks.who
    if (committed <= joined.kept.done) return
    joined.forget(committed)
    await this.#remember()
  }

  async #join({ round, attempt, owners, threshold }: TaskOf<'mask-join'>) {
    const masked = { run: this.#run, round, attempt, owners, ...(threshold !== null && { threshold }) }
    this.#assertList(masked)
    const before = this.#own.before(round)
    const list = owners.map(({ owner }) => owner)
    // A task that another process of this owner has answered, or would have.
    if (before && before.attempt >= attempt && before.owners.join() === list.join()) throw this.#lost(masked)
    const key = this.#own.join(masked)
    this.#joined = masked
    this.#sealed = undefined
    await this.#remember()
    return key
  }

  /** Who is in a round's sum, and how much it counts there, is not the server's to choose. */
  #assertList({ round, owners, threshold }: MaskedRound): void {
    const { who, threshold: agreed } = this.#masks
    const { experiment, shard } = this.#prepared
    const refuse = (what: string) => this.#refusal(round, what)
    if (threshold !== agreed) {
      throw refuse(`is asked for a threshold of ${threshold ?? 'all'}, but the experiment says ${agreed ?? 'all'}`)
    }
    const known = [...who.identities.keys()].sort((a, b) => a - b)
    const stranger = owners.find(({ owner }) => !who.identities.has(owner))
    if (stranger) throw refuse(`is sent a list with owner ${stranger.owner}, who is not in its owners.json`)
    const expected = drawnOwners(experiment, known, round)
    const list = owners.filter(({ owner }) => expected.includes(owner))
    const whole = list.length === owners.length && owners.length === expected.length
    if (!(whole || (agreed !== undefined && list.length === owners.length && owners.length >= agreed))) {
      throw refuse(`is sent a list of owners ${named(owners)}, but this round is of ${expected.join(', ')}`)
    }
    const images = owners.find(({ owner }) => owner === who.owner)?.images
    if (images !== undefined && images !== shard.train.length) {
      throw refuse(`is said to have ${images} images, but has ${shard.train.length}`)
    }
  }

  #assertJoined({ round, attempt }: Try): void {
    if (this.#joined?.round !== round || this.#joined.attempt !== attempt) throw this.#lost({ round, attempt })
  }

  #lost({ round, attempt }: Try) {
    const message = `round ${round}: it no longer has its secrets of attempt ${attempt}`
    const hint = 'it was started anew: the round begins again, with the same owners and new keys'
    return new FedunifyError('E_MASKS_LOST', message, hint, { owner: this.#settings.owner, round })
  }

  #refusal(round: number, what: string) {
    const place = { owner: this.#settings.owner, round }
    const hint =
      'nothing was sent; if owners came or went, its owners.json is of before: fedunify federation keys writes it'
    return new FedunifyError('E_OWNER_REFUSED', `round ${round}: owner ${place.owner} ${what}`, hint, place)
  }

  #remember(): Promise<void> {
    return this.#store.putJoinedRounds(this.#masks.who.joined.kept)
  }
}

const named = (owners: readonly Listed[]) => owners.map(({ owner }) => owner).join(', ')
