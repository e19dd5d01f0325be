import type { Sealed } from '../algorithm/sealed-fold.ts'
import { FedunifyError } from '../errors.ts'
import type { Task, TaskOf } from '../federation/nats/wire.ts'
import type { SumMember, SumSettings } from '../federation/sum-member.ts'
import type { KeptRounds } from '../privacy/masks/joined-rounds.ts'
import { idOf, type Listed, type MaskedRound } from '../privacy/masks/masked-round.ts'

export type MaskTask = Extract<Task, { what: `mask-${string}` }>

/** A task of a try that has been joined. */
type Try = Pick<TaskOf<'mask-share'>, 'round' | 'attempt'>

/** What is summed, with whom, and where it is kept what was joined. */
export interface JoinedSettings<M extends SumMember> {
  readonly run: string
  readonly of: MaskedRound['of']
  readonly member: M
  /** Those of the member. */
  readonly settings: SumSettings
  /** That this owner trains on. */
  readonly images: number
  /** Who is to be in the sum of a round, of the owners that this one knows. */
  expected(known: readonly number[], round: number): readonly number[]
  remember(kept: KeptRounds): Promise<void>
}

/**
 * An owner's part in masked sums of one kind in a run. It knows itself who is to be in a sum and for how many images it
 * counts, and what it has joined is on its disk before the server hears of it.
 */
export class JoinedSums<M extends SumMember> {
  readonly #settings: JoinedSettings<M>
  /** The try that this process has joined. */
  #joined: MaskedRound | undefined
  #sealed: Sealed | undefined

  constructor(settings: JoinedSettings<M>) {
    this.#settings = settings
  }

  /** What the others and the server are to know of it. */
  async answer(task: MaskTask): Promise<object> {
    const { round } = task
    if (task.what === 'mask-before') {
      const { attempt: last = null, owners = null, opened = null } = this.#settings.member.before(round) ?? {}
      return { what: 'mask-before', round, last, owners, opened }
    }
    const { attempt } = task
    if (task.what === 'mask-join') {
      const { owner: _, ...key } = await this.#join(task)
      return { what: 'mask-key', round, attempt, ...key }
    }
    this.assertJoined(task)
    if (task.what === 'mask-share') {
      const shares = await this.#settings.member.share(task.keys)
      return { what: 'mask-shares', round, attempt, shares: shares.map(({ to, box }) => ({ to, box })) }
    }
    if (task.what === 'mask-sign') {
      const { signature } = this.#settings.member.sign(task.survivors)
      return { what: 'mask-signature', round, attempt, signature }
    }
    const shares = this.#settings.member.open(task.signed)
    await this.#remember()
    return { what: 'mask-opened', round, attempt, shares }
  }

  /** @throws FedunifyError (training) if this process has not joined the try */
  assertJoined({ round, attempt }: Try): void {
    if (this.#joined?.round !== round || this.#joined.attempt !== attempt) throw this.#lost({ round, attempt })
  }

  /** What it hands in for the try that it has joined. What was sealed already is sent again as it is. */
  async seal(make: (member: M) => Sealed | Promise<Sealed>): Promise<Sealed> {
    if (this.#sealed?.id === idOf(this.#joined!)) return this.#sealed
    this.#sealed = await make(this.#settings.member)
    await this.#remember()
    return this.#sealed
  }

  /** Rounds that the server has on its disk are never joined again. */
  async forget(committed: number): Promise<void> {
    const { joined } = this.#settings.settings.who
    if (committed <= joined.kept.done) return
    joined.forget(committed)
    await this.#remember()
  }

  async #join({ round, attempt, owners, threshold }: TaskOf<'mask-join'>) {
    const { run, of, member } = this.#settings
    const masked = { run, round, attempt, owners, ...(threshold !== null && { threshold }), ...(of && { of }) }
    this.#assertList(masked)
    const before = member.before(round)
    const list = owners.map(({ owner }) => owner)
    // A task that another process of this owner has answered, or would have.
    if (before && before.attempt >= attempt && before.owners.join() === list.join()) throw this.#lost(masked)
    const key = member.join(masked)
    this.#joined = masked
    this.#sealed = undefined
    await this.#remember()
    return key
  }

  /** Who is in a round's sum, and how much it counts there, is not the server's to choose. */
  #assertList({ round, owners, threshold }: MaskedRound): void {
    const { who, threshold: agreed } = this.#settings.settings
    const refuse = (what: string) => this.#refusal(round, what)
    if (threshold !== agreed) {
      throw refuse(`is asked for a threshold of ${threshold ?? 'all'}, but the experiment says ${agreed ?? 'all'}`)
    }
    const known = [...who.identities.keys()].sort((a, b) => a - b)
    const stranger = owners.find(({ owner }) => !who.identities.has(owner))
    if (stranger) throw refuse(`is sent a list with owner ${stranger.owner}, who is not in its owners.json`)
    const expected = this.#settings.expected(known, round)
    const list = owners.filter(({ owner }) => expected.includes(owner))
    const whole = list.length === owners.length && owners.length === expected.length
    if (!(whole || (agreed !== undefined && list.length === owners.length && owners.length >= agreed))) {
      throw refuse(`is sent a list of owners ${named(owners)}, but this round is of ${expected.join(', ')}`)
    }
    const said = owners.find(({ owner }) => owner === who.owner)?.images
    const { images } = this.#settings
    if (said !== undefined && said !== images) throw refuse(`is said to have ${said} images, but has ${images}`)
  }

  #lost({ round, attempt }: Try) {
    const message = `round ${round}: it no longer has its secrets of attempt ${attempt}`
    const hint = 'it was started anew: the round begins again, with the same owners and new keys'
    return new FedunifyError('E_MASKS_LOST', message, hint, { owner: this.#owner, round })
  }

  #refusal(round: number, what: string) {
    return maskRefusal(this.#owner, round, what)
  }

  get #owner(): number {
    return this.#settings.settings.who.owner
  }

  #remember(): Promise<void> {
    const { remember, settings } = this.#settings
    return remember(settings.who.joined.kept)
  }
}

const named = (owners: readonly Listed[]) => owners.map(({ owner }) => owner).join(', ')

/** Why an owner does not do what is asked of it in a masked round. */
export function maskRefusal(owner: number, round: number, what: string): FedunifyError {
  const hint =
    'nothing was sent; if owners came or went, its owners.json is of before: fedunify federation keys writes it'
  return new FedunifyError('E_OWNER_REFUSED', `round ${round}: owner ${owner} ${what}`, hint, { owner, round })
}
