import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { resolveExperiment } from '../../../../src/config/resolve.ts'
import { objectSource } from '../../../../src/config/source.ts'
import { signingKey } from '../../../../src/federation/setup/keys.ts'
import { initialWeights } from '../../../../src/model/init.ts'
import { buildModel } from '../../../../src/model/model.ts'
import { readLedger } from '../../../../src/owner/ledger-lines.ts'
import { idOf, type MaskedRound } from '../../../../src/privacy/masks/masked-round.ts'
import type { SignedKey } from '../../../../src/privacy/masks/signed-key.ts'
import { hasBroker } from '../../../support/broker.ts'
import { EvilServer } from '../../../support/evil-server.ts'
import { SMALL_MODEL, workshop } from '../../../support/experiment.ts'
import { startFederation } from '../../../support/federation.ts'
import { joinedBy, MaskedPlot, otherOwners, tolerantBy } from '../../../support/masked-plot.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const NAMES = ['alice', 'bob', 'carol', 'dave']
const IMAGES = 64
const RUN = 'r'

const { model: layers } = resolveExperiment([objectSource({ model: SMALL_MODEL })])
const model = buildModel(layers as never, [1, 12, 12], 4)
const weights = (seed: number) => initialWeights(model, seed, 1)

const listOf = (...owners: number[]) => owners.map((owner) => ({ owner, images: IMAGES }))
const maskedRound = (given: Partial<MaskedRound> = {}): MaskedRound => ({
  run: RUN,
  round: 1,
  attempt: 0,
  owners: listOf(1, 2, 3, 4),
  ...given,
})

/** Alice, an honest owner in a process of its own, and whoever has the server's place at the broker. */
async function scene(masks: object) {
  const fed = await startFederation(NAMES, data)
  const server = await EvilServer.open(fed.dir)
  let alice = fed.join('alice')
  const sent = parse(readFileSync(experiment('sent', { env: 'V', owners: 4, privacy: { masks } }), 'utf8'))
  const invite = { what: 'invite', experiment: sent, asks: { metrics: false, labels: false }, committed: 0 }
  expect(await server.ask(RUN, invite)).toMatchObject({ what: 'card', train_images: IMAGES })
  return {
    plot: new MaskedPlot(server, RUN),
    server,
    others: await otherOwners(fed.dir, NAMES.slice(1)),
    /** As a power cut would. */
    async restart() {
      alice.child.kill('SIGKILL')
      await alice.ended
      alice = fed.join('alice')
      await alice.says('waiting for an experiment')
    },
    async sent() {
      const { entries } = (await readLedger(join(fed.dir, 'owners', 'alice', 'ledger.jsonl')))!
      return entries.filter(({ direction }) => direction === 'out').map(({ kind }) => kind)
    },
  }
}

const refused = (message: string) => ({
  what: 'failed',
  code: 'E_OWNER_REFUSED',
  message: expect.stringContaining(message),
})

describe.skipIf(!hasBroker)('an owner with masks, asked by an evil server', () => {
  it('takes no key from between the owners, and sends no update without masks', { timeout: 90_000 }, async () => {
    const { plot, server, others, sent } = await scene({})
    // Before it has joined, and after: nothing without masks.
    expect(await plot.train(1, weights(1), undefined)).toMatchObject(refused('is asked for its update without masks'))
    const round = maskedRound()
    const own = await plot.key(round)
    const [bob, carol, dave] = joinedBy(others, round) as [never, never, never] as { key: SignedKey }[]
    const evil = joinedBy(
      others.map((one) => ({ ...one, identity: signingKey(server.folder.seed), joined: { join() {} } as never })),
      round,
    )[0]!
    // What bob signed for another list, another attempt and another round.
    const elsewhere = [{ owners: listOf(1, 2, 3) }, { attempt: 1 }, { round: 2 }, { run: 'other' }].map(
      (given) => joinedBy([{ ...others[0]!, joined: { join() {} } as never }], maskedRound(given))[0]!.key,
    )
    const forged: SignedKey[] = [evil.key, { ...evil.key, signature: bob!.key.signature }, ...elsewhere]
    for (const key of forged) {
      const keys = [own, key, carol!.key, dave!.key]
      expect(await plot.train(1, weights(1), { attempt: 0, keys, shares: null })).toMatchObject({
        what: 'failed',
        code: 'E_PROTOCOL',
        message: expect.stringContaining('owner 2 has a key that it did not sign for this round'),
      })
    }
    const two = [own, bob!.key, carol!.key]
    expect(await plot.train(1, weights(1), { attempt: 0, keys: two, shares: null })).toMatchObject({
      message: expect.stringContaining('owner 4 has no key'),
    })
    expect(await sent()).not.toContain('masked')

    // With the right keys it answers, once: asked again with another model, it sends the very same words.
    const masked = { attempt: 0, keys: [own, bob!.key, carol!.key, dave!.key], shares: null }
    const first = await plot.train(1, weights(1), masked)
    expect(first).toMatchObject({ what: 'update', masked: idOf(round), payload: { dtype: 'uint32', modulus: 2 ** 32 } })
    const second = await plot.train(1, weights(2), masked)
    const digest = (reply: object) => (reply as { payload: { sha256: string } }).payload.sha256
    expect(digest(second)).toBe(digest(first))
    expect(await sent()).not.toContain('update')
  })

  it('knows itself who is in a sum, and joins no second attempt under another list', { timeout: 90_000 }, async () => {
    const { plot, restart } = await scene({})
    const wrong: [Partial<MaskedRound>, string][] = [
      [{ owners: listOf(1, 2) }, 'is sent a list of owners 1, 2, but this round is of 1, 2, 3, 4'],
      [{ owners: listOf(1, 2, 3, 5) }, 'is sent a list with owner 5, who is not in its owners.json'],
      [{ owners: listOf(2, 1, 3, 4) }, 'was sent a list of owners that is out of order'],
      [{ owners: [{ owner: 1, images: 6000 }, ...listOf(2, 3, 4)] }, 'is said to have 6000 images, but has 64'],
      [{ threshold: 3 }, 'is asked for a threshold of 3, but the experiment says all'],
    ]
    for (const [given, why] of wrong) expect(await plot.join(maskedRound(given))).toMatchObject(refused(why))
    await plot.key(maskedRound())
    await restart()
    expect(await plot.ask({ what: 'mask-before', round: 1 })).toMatchObject({ last: 0, owners: [1, 2, 3, 4] })
    // The others' numbers of images are in the list that all sign.
    const other = [...listOf(1, 2, 3), { owner: 4, images: 1 }]
    expect(await plot.join(maskedRound({ attempt: 1, owners: other }))).toMatchObject(
      refused("is asked again with other owners, and the difference of the two sums would show somebody's update"),
    )
    // The secrets of the first attempt are gone: it joins the next one, with the same list.
    expect(await plot.join(maskedRound())).toMatchObject({ what: 'failed', code: 'E_MASKS_LOST' })
    expect(await plot.key(maskedRound({ attempt: 1 }))).toMatchObject({ owner: 1 })
    expect(await plot.ask({ what: 'mask-before', round: 2, committed: 1 })).toMatchObject({ last: null })
    await restart()
    expect(await plot.ask({ ...joinTask(maskedRound({ attempt: 2 })), committed: 1 })).toMatchObject(
      refused('is asked again for a round that is done'),
    )
  })

  it('helps to unmask one sum of a round, of those of whom enough say so', { timeout: 90_000 }, async () => {
    const { plot, others, restart } = await scene({ threshold: 3 })
    const round = maskedRound({ threshold: 3 })
    expect(await plot.join(maskedRound({ threshold: 3, owners: listOf(1, 2) }))).toMatchObject(
      refused('is sent a list of owners 1, 2'),
    )
    const exchange = async (at: MaskedRound, who = others) => {
      const own = await plot.key(at)
      const tolerant = tolerantBy(who, at)
      const keys = [own, ...tolerant.map(({ key }) => key)]
      const shared = await plot.ask({ what: 'mask-share', round: at.round, attempt: at.attempt, keys })
      expect(shared).toMatchObject({ what: 'mask-shares' })
      const shares = (await Promise.all(tolerant.map((one) => one.share(keys)))).flat().filter(({ to }) => to === 1)
      return { tolerant, keys, shares }
    }
    // What the others gave in another round, for another attempt, or to somebody else.
    const fresh = others.map((one) => ({ ...one, joined: { join() {} } as never }))
    const { tolerant, keys, shares } = await exchange(round)
    const earlier = tolerantBy(fresh, maskedRound({ threshold: 3, round: 2 }))
    const itsKeys = [keys[0]!, ...earlier.map(({ key }) => key)]
    expect(await plot.ask({ what: 'mask-share', round: 1, attempt: 0, keys: itsKeys })).toMatchObject({
      what: 'failed',
      code: 'E_PROTOCOL',
    })
    const replayed = [{ ...shares[0]!, box: shares[1]!.box }, ...shares.slice(1)]
    expect(await plot.train(1, weights(1), { attempt: 0, keys, shares: replayed })).toMatchObject({
      what: 'failed',
      code: 'E_PROTOCOL',
      message: expect.stringContaining('owner 2 has shares that are not for this owner, this round and this attempt'),
    })
    expect(await plot.train(1, weights(1), { attempt: 0, keys, shares })).toMatchObject({ what: 'update' })

    const at = { round: 1, attempt: 0 }
    const sign = (survivors: number[], attempt = 0) => plot.ask({ what: 'mask-sign', round: 1, attempt, survivors })
    expect(await sign([1, 2])).toMatchObject(refused('has 2 owners, fewer than the threshold 3'))
    expect(await sign([2, 3, 4])).toMatchObject(refused('was sent a list of survivors without it'))
    expect(await sign([1, 2, 3])).toMatchObject({ what: 'mask-signature' })
    expect(await sign([1, 2, 4])).toMatchObject(refused('another list of survivors than the one that it has signed'))
    const signed = await sign([1, 2, 3])
    const mine = { owner: 1, signature: (signed as { signature: string }).signature }
    const [bob, carol] = tolerant.slice(0, 2).map((one) => one.sign([1, 2, 3]))
    expect(await plot.ask({ what: 'mask-open', ...at, signed: [mine, bob!] })).toMatchObject(
      refused('2 owners have signed who survived, fewer than the threshold'),
    )
    const opened = await plot.ask({ what: 'mask-open', ...at, signed: [mine, bob!, carol!] })
    // One share of each: never both of the same owner.
    expect(opened).toMatchObject({ what: 'mask-opened', shares: [{ of: 1 }, { of: 2 }, { of: 3 }, { of: 4 }] })

    await restart()
    expect(await plot.ask({ what: 'mask-before', round: 1 })).toMatchObject({ last: 0, opened: [1, 2, 3] })
    await exchange(maskedRound({ threshold: 3, attempt: 1 }))
    expect(await sign([1, 2, 3, 4], 1)).toMatchObject(
      refused('has helped to unmask the sum of owners 1, 2, 3 already, and no other'),
    )
    expect(await sign([1, 2, 3], 1)).toMatchObject({ what: 'mask-signature' })
  })
})

const joinTask = ({ round, attempt, owners }: MaskedRound) => ({
  what: 'mask-join',
  round,
  attempt,
  owners,
  threshold: null,
})
