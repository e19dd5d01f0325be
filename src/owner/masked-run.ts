import { maskedRuleOf } from '../algorithm/make-algorithm.ts'
import { planSum } from '../algorithm/masked-plan.ts'
import type { Sealed } from '../algorithm/sealed-fold.ts'
import { headRange } from '../config/head-range.ts'
import type { HeadStatistics } from '../engine/head-statistics.ts'
import { FedunifyError } from '../errors.ts'
import { drawnOwners } from '../federation/drawn-owners.ts'
import type { TaskOf } from '../federation/nats/wire.ts'
import { digitsOf, OwnerHeadMasks } from '../federation/owner-head-masks.ts'
import { OwnerMasks } from '../federation/owner-masks.ts'
import { JoinedRounds } from '../privacy/masks/joined-rounds.ts'
import type { MaskedRound } from '../privacy/masks/masked-round.ts'
import { systemRandom } from '../privacy/randomness.ts'
import type { Weights } from '../weights/weights.ts'
import type { AgentSettings } from './agent-settings.ts'
import { JoinedSums, type MaskTask, maskRefusal } from './joined-sums.ts'
import type { OwnerStore } from './owner-store.ts'
import type { PreparedOwner } from './prepare-owner.ts'

/** A vector under masks, and how many levels a unit of it has. */
export interface SealedWords extends Sealed {
  readonly scale: number
}

interface Parts {
  readonly updates: JoinedSums<OwnerMasks>
  /** Levels in a unit of an update. */
  scale(round: MaskedRound): number
  /** If a head is fitted. */
  readonly sums: { readonly joined: JoinedSums<OwnerHeadMasks>; readonly range: number } | undefined
}

/** An owner's part in the masked sums of one run: of updates, and of what a head is fitted to. */
export class MaskedRun {
  readonly #settings: AgentSettings
  readonly #parts: Parts

  private constructor(settings: AgentSettings, parts: Parts) {
    this.#settings = settings
    this.#parts = parts
  }

  /**
   * Undefined if the experiment asks for no masks.
   * @throws FedunifyError (usage) or (data) if the owner does not have the keys of the others
   */
  static async open(
    run: string,
    { experiment, shard }: PreparedOwner,
    store: OwnerStore,
    settings: AgentSettings,
  ): Promise<MaskedRun | undefined> {
    const rule = maskedRuleOf(experiment)
    if (!rule) return undefined
    const { owner, key, ownerKeys } = settings
    const identities = await ownerKeys()
    const threshold = experiment.privacy?.masks?.threshold
    const kind = async (of: MaskedRound['of']) => {
      const joined = new JoinedRounds(owner, await store.joinedRounds(of))
      return {
        run,
        of,
        settings: { who: { owner, identity: key, identities, joined }, threshold, random: systemRandom },
        images: shard.train.length,
        expected: (known: readonly number[], round: number) => drawnOwners(experiment, known, round),
        remember: (kept: JoinedRounds['kept']) => store.putJoinedRounds(of, kept),
      }
    }
    const plan = (round: MaskedRound) => planSum(rule, round)
    const ofUpdates = await kind(undefined)
    const member = new OwnerMasks({ ...ofUpdates.settings, plan }, `owner ${owner}`)
    const updates = new JoinedSums({ ...ofUpdates, member })
    const scale = (round: MaskedRound) => plan(round).point.scale
    const range = headRange(experiment)
    if (range === undefined) return new MaskedRun(settings, { updates, scale, sums: undefined })
    const ofHead = await kind('head')
    const joined = new JoinedSums({ ...ofHead, member: new OwnerHeadMasks(ofHead.settings, range) })
    return new MaskedRun(settings, { updates, scale, sums: { joined, range } })
  }

  /** What the others and the server are to know of it. */
  async answer(task: MaskTask): Promise<object> {
    const { updates } = this.#parts
    return await ('of' in task && task.of ? this.#sums(task.round).joined : updates).answer(task)
  }

  /** @throws FedunifyError (training) if a round is to be trained that is not masked, or not joined by this process */
  assertMasked({ round, masked }: TaskOf<'train'>): void {
    if (!masked) throw this.#refusal(round, 'is asked for its update without masks, but the experiment has them')
    this.#parts.updates.assertJoined({ round, attempt: masked.attempt })
  }

  /**
   * The update of a round under its masks.
   * @throws FedunifyError (training) if a change is too large for the fixed point; (data) if a key or a share is not right
   */
  async seal({ round, masked }: TaskOf<'train'>, received: Weights, trained: Weights): Promise<SealedWords> {
    const { updates, scale } = this.#parts
    const { keys, shares } = masked!
    const task = { keys, ...(shares && { shares }) }
    const sealing = updates.seal((member) => member.seal(received, trained, task))
    const sealed = await this.#withoutValues(sealing, ({ tensor }) => {
      return `round ${round}: ${tensor} changes by more than masked sums hold; nothing was sent`
    })
    return { ...sealed, scale: scale(sealed.round) }
  }

  /**
   * Its sums for a head under their masks.
   * @param compute the sums, if they were not sealed before
   * @throws FedunifyError (training) if they are asked for without masks, were not joined by this process, or are too
   *   large for the fixed point; (data) if a key is not right
   */
  async sealSums({ round, masked }: TaskOf<'summarise'>, compute: () => Promise<HeadStatistics>): Promise<SealedWords> {
    if (!masked) throw this.#refusal(round, 'is asked for its sums without masks, but the experiment has them')
    const { joined, range } = this.#sums(round)
    joined.assertJoined({ round, attempt: masked.attempt })
    const sealing = joined.seal(async (member) => member.seal(await compute(), { keys: masked.keys }))
    const sealed = await this.#withoutValues(sealing, () => {
      return `round ${round}: a feature has a larger mean square than masked sums for a head hold; nothing was sent`
    })
    return { ...sealed, scale: 2 ** digitsOf(sealed.round, range) }
  }

  /** Rounds that the server has on its disk are never joined again. */
  async forget(committed: number): Promise<void> {
    await this.#parts.updates.forget(committed)
    await this.#parts.sums?.joined.forget(committed)
  }

  #sums(round: number): NonNullable<Parts['sums']> {
    if (this.#parts.sums) return this.#parts.sums
    throw this.#refusal(round, 'is asked for masked sums for a head, and the experiment has none')
  }

  /** How large what is beyond the fixed point is, is nobody else's to know. */
  async #withoutValues(sealing: Promise<Sealed>, told: (place: FedunifyError['place']) => string): Promise<Sealed> {
    try {
      return await sealing
    } catch (error) {
      if (!(error instanceof FedunifyError && error.code === 'E_UPDATE')) throw error
      this.#settings.note(error.message)
      const { hint, place } = error
      throw new FedunifyError('E_UPDATE', told(place), hint, place)
    }
  }

  #refusal(round: number, what: string) {
    return maskRefusal(this.#settings.owner, round, what)
  }
}
