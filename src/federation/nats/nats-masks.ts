import { FedunifyError, messageOf } from '../../errors.ts'
import type { Unmasking } from '../../privacy/masks/dropouts/unmasking.ts'
import { maskTraffic } from '../mask-traffic.ts'
import { type MaskedParty, MaskedRounds, type UnderWay } from '../masked-rounds.ts'
import type { NatsOwners } from './nats-owners.ts'
import type { MaskSettings } from './nats-settings.ts'
import { expect, failure } from './owner-answers.ts'
import type { Ask, KnownOwner } from './server-post.ts'
import type { Reply, ReplyOf } from './wire.ts'

/** How often a round may begin anew because owners were started anew. */
const TRIES = 20

/** A round's answers under masks: those of the owners that stayed, in the order in which they were asked. */
export interface Masked<T> {
  readonly under: UnderWay
  readonly answers: readonly T[]
  /** Of those alone. Asked for once their updates are there. */
  unmasking(): Promise<Unmasking | undefined>
}

type MaskAsk = Extract<Ask, { what: `mask-${string}` }>
type MaskReply = Extract<Reply, { what: `mask-${string}` }>['what']

/** The masked sums of a run as its server has them done by owners elsewhere. */
export class NatsMasks {
  readonly #owners: NatsOwners
  readonly #rounds: MaskedRounds
  readonly #of: { readonly of?: 'head' }

  /** @param of what is summed; undefined: updates */
  constructor(owners: NatsOwners, { threshold, identities }: MaskSettings, of?: 'head') {
    this.#owners = owners
    this.#of = of ? { of } : {}
    const those = <T>(asked: readonly Promise<T>[], least: number) => this.#those(asked, least)
    this.#rounds = new MaskedRounds({ run: owners.settings.run, threshold, identities, those, ...this.#of })
  }

  /**
   * Has owners join a round and answer under its masks. One that was started anew meanwhile has lost its secrets: the
   * round begins again with the same owners, or goes on without it if so many are left as the threshold says.
   * @param ask an owner, once its part in the round is known
   * @throws FedunifyError (training) naming an owner that failed; then the sum stays masked
   */
  async round<T>(
    { round, committed }: { readonly round: number; readonly committed: number },
    owners: readonly KnownOwner[],
    ask: (owner: KnownOwner, under: UnderWay) => Promise<T>,
    signal: AbortSignal,
  ): Promise<Masked<T>> {
    const { note } = this.#owners.post.settings
    for (let tries = 1; ; tries++) {
      try {
        const parties = owners.map((owner) => this.#party(owner, committed, signal))
        const under = await this.#rounds.begin(round, parties, this.#traffic())
        const training = owners.filter(({ owner }) => under.training.includes(owner))
        const asked = training.map(async (owner) => ({ owner: owner.owner, answer: await ask(owner, under) }))
        const stayed = await this.#those(asked, under.least)
        const survivors = stayed.map(({ owner }) => owner)
        return {
          under,
          answers: stayed.map(({ answer }) => answer),
          unmasking: () => this.lasting(under.unmasking(survivors)),
        }
      } catch (error) {
        if (!isLost(error) || tries === TRIES || signal.aborted) throw error
        note(`${messageOf(error)}: the round begins again, with the same owners`)
      }
    }
  }

  /** What is asked once updates are in the sum, which cannot begin again then: `serve --resume` does the round anew. */
  async lasting<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked
    } catch (error) {
      if (!isLost(error)) throw error
      const hint = 'the round does not count: resume the run'
      throw new FedunifyError('E_OWNER_FAILED', `the sum stays masked: ${messageOf(error)}`, hint, { cause: error })
    }
  }

  /**
   * Those of the answers that count: all, or with a threshold all but of owners that are late or were started anew.
   * @throws what the first one failed with of which that many are not left; one that was started anew, if that can be
   *   mended by another try
   */
  async #those<T>(asked: readonly Promise<T>[], least: number): Promise<T[]> {
    if (least >= asked.length) return await allOf(asked)
    const gone: unknown[] = []
    const settled = await allOf(
      asked.map((one) =>
        one.then(
          (answer) => ({ answer }),
          (error: unknown) => {
            if (!isLost(error) && !isLate(error)) throw error
            gone.push(error)
            return undefined
          },
        ),
      ),
    )
    const came = settled.flatMap((one) => (one ? [one.answer] : []))
    if (came.length >= least) {
      for (const error of gone) this.#owners.post.settings.note(`${messageOf(error)}: the sum goes on without it`)
      return came
    }
    const lost = gone.find(isLost)
    if (lost) throw lost
    const message = `${came.length} of ${asked.length} owners are left of a masked sum, ${least} must be (threshold)`
    const hint = 'the round does not count: resume the run once enough owners are back'
    throw new FedunifyError('E_OWNER_FAILED', `${message}: ${gone.map(messageOf).join('; ')}`, hint)
  }

  #party(owner: KnownOwner, committed: number, signal: AbortSignal): MaskedParty {
    const number = owner.owner
    const ask = async <W extends MaskReply>(what: W, task: MaskAsk): Promise<ReplyOf<W>> => {
      const reply = expect(await this.#owners.ask(owner, () => ({ ask: task, models: [] }), signal), what, owner)
      const given: { round: number; attempt?: number } = reply
      const attempt = 'attempt' in task ? task.attempt : undefined
      if (given.round !== task.round || given.attempt !== attempt) {
        throw failure(owner, 'E_PROTOCOL', 'answered for another round or attempt', 'nothing was summed')
      }
      return reply
    }
    const place = ({ round, attempt }: { round: number; attempt: number }) => ({ committed, round, attempt })
    return {
      owner: number,
      images: this.#owners.card(owner).trainImages,
      before: async (round) => {
        const { last, owners, opened } = await ask('mask-before', {
          what: 'mask-before',
          committed,
          round,
          ...this.#of,
        })
        return last === null || !owners ? undefined : { attempt: last, owners, ...(opened && { opened }) }
      },
      join: async (round) => {
        const { owners, threshold = null } = round
        const task: MaskAsk = { what: 'mask-join', ...place(round), owners: [...owners], threshold, ...this.#of }
        const { key, box, seed, signature } = await ask('mask-key', task)
        return { owner: number, key, ...(box !== undefined && { box, seed }), signature }
      },
      share: async (round, keys) => {
        const { shares } = await ask('mask-shares', { what: 'mask-share', ...place(round), keys: [...keys] })
        return shares.map((share) => ({ from: number, ...share }))
      },
      sign: async (round, survivors) => {
        const task: MaskAsk = { what: 'mask-sign', ...place(round), survivors: [...survivors] }
        const { signature } = await ask('mask-signature', task)
        return { owner: number, signature }
      },
      open: async (round, signed) => {
        const task: MaskAsk = { what: 'mask-open', ...place(round), signed: [...signed] }
        return (await ask('mask-opened', task)).shares
      },
    }
  }

  #traffic() {
    const { traffic, disclosed } = this.#owners
    return maskTraffic({ traffic, disclosed, place: (owner) => this.#owners.place({ owner }) })
  }
}

/** All answers; if one fails for good, at once. If owners were started anew, once the others have answered. */
async function allOf<T>(asked: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.all(
    asked.map((one) =>
      one.then(
        (answer) => ({ answer }),
        (lost: unknown) => {
          if (isLost(lost)) return { lost }
          throw lost
        },
      ),
    ),
  )
  return settled.map((one) => {
    if ('lost' in one) throw one.lost
    return one.answer
  })
}

const isLost = (error: unknown) => error instanceof FedunifyError && error.code === 'E_MASKS_LOST'
const isLate = (error: unknown) => error instanceof FedunifyError && error.code === 'E_OWNER_FAILED'
