import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeAlgorithm, maskedRuleOf } from '../../../../src/algorithm/make-algorithm.ts'
import { resolveExperiment } from '../../../../src/config/resolve.ts'
import { objectSource } from '../../../../src/config/source.ts'
import { runFederation } from '../../../../src/federation/loop.ts'
import { NatsCohort } from '../../../../src/federation/nats/nats-cohort.ts'
import { getPayload, putPayload, wordsForm } from '../../../../src/federation/nats/payloads.ts'
import { ServerPost } from '../../../../src/federation/nats/server-post.ts'
import { decodeSigned, encodeSigned } from '../../../../src/federation/nats/signed.ts'
import { MODELS } from '../../../../src/federation/nats/streams.ts'
import { ownerToken, PROTOCOL, ReplySchema, TaskSchema } from '../../../../src/federation/nats/wire.ts'
import { readOwnerFolder, readServerFolder } from '../../../../src/federation/setup/folders.ts'
import { publicKey, signingKey } from '../../../../src/federation/setup/keys.ts'
import { readOwnerKeys } from '../../../../src/federation/setup/owner-keys.ts'
import type { AgentSettings } from '../../../../src/owner/agent-settings.ts'
import { MaskedRun } from '../../../../src/owner/masked-run.ts'
import { OwnerStore } from '../../../../src/owner/owner-store.ts'
import type { PreparedOwner } from '../../../../src/owner/prepare-owner.ts'
import { VERSION } from '../../../../src/package.ts'
import { bytesOfWords, wordsOfBytes } from '../../../../src/privacy/masks/words.ts'
import { decodeSafetensors } from '../../../../src/weights/safetensors.ts'
import { hasBroker } from '../../../support/broker.ts'
import { chiSquareOfBytes } from '../../../support/chi-square.ts'
import { valuesOf, weightsOf } from '../../../support/fake-owner.ts'
import { ownerOf, serverOf, standing } from '../../../support/parties.ts'

const WEIGHTS = 10_000
const RUN = 'run'
const IMAGES = 10
const NAMES = ['alice', 'bob']
const experiment = resolveExperiment([objectSource({ env: 'V', owners: 2, rounds: 1, privacy: { masks: {} } })])

type Change = (i: number) => number

/** An owner whose update of a round is the model and so much; all else is that of an owner with masks. */
async function work(dir: string, name: string, change: Change, signal: AbortSignal): Promise<void> {
  const at = join(dir, 'owners', name)
  const folder = await readOwnerFolder(at)
  const { owner, seed, federation, serverKey } = folder
  const { js, manager, connection } = await ownerOf(dir, name)
  const shard = { owner, train: new Uint32Array(IMAGES), test: new Uint32Array() }
  const settings = { owner, key: signingKey(seed), ownerKeys: () => readOwnerKeys(at, folder), note: () => {} }
  const store = new OwnerStore(join(at, 'runs', RUN))
  const masks = await MaskedRun.open(
    RUN,
    { experiment, shard } as PreparedOwner,
    store,
    settings as unknown as AgentSettings,
  )
  const consumer = await js.consumers.get('TASKS', ownerToken(owner))
  while (!signal.aborted) {
    const message = await consumer.next({ expires: 1000 })
    if (!message) continue
    const task = decodeSigned(message.data, publicKey(serverKey), TaskSchema, 'the server')
    message.ack()
    const answer = async (): Promise<object> => {
      if (task.what !== 'train') return await masks!.answer(task as never)
      const limits = { most: 1e6, signal, who: 'the model' }
      const bytes = await getPayload(manager, MODELS, `model.${RUN}`, task.model!, limits)
      const { weights: received } = decodeSafetensors(bytes!, 'the model')
      masks!.assertMasked(task)
      const trained = weightsOf(...valuesOf(received).map((value, i) => value + change(i)))
      const { id, words, scale } = await masks!.seal(task, received, trained)
      const prefix = `upd.${ownerToken(owner)}.${RUN}`
      const { payload } = await putPayload(js, prefix, bytesOfWords(words), signal, { form: wordsForm(scale) })
      const counts = { train_images: IMAGES, epochs: 1, images: IMAGES, seconds: 0, metrics: null }
      return { what: 'update', round: task.round, attempt: task.attempt, ...counts, payload, masked: id }
    }
    const envelope = { format: PROTOCOL, fedunify: VERSION, federation, run: RUN, owner, task: task.task }
    connection.publish(`done.${ownerToken(owner)}`, encodeSigned({ ...envelope, ...(await answer()) }, settings.key))
  }
}

/** All that the broker gives a server in a round of two owners, whose changes are these. */
async function transcript(x: Change, y: Change) {
  const fed = await standing(NAMES)
  onTestFinished(() => fed.close())
  const { connection } = await serverOf(fed.dir)
  const folder = await readServerFolder(join(fed.dir, 'server'))
  const replies: Uint8Array[] = []
  const chunks: { subject: string; data: Uint8Array }[] = []
  connection.subscribe('done.*', { callback: (_, { data }) => void replies.push(data) })
  connection.subscribe('upd.>', { callback: (_, { subject, data }) => void chunks.push({ subject, data }) })
  const ended = new AbortController()
  const owners = folder.owners.map(({ owner, name, publicKey: key }) => ({ owner, name, key: publicKey(key) }))
  const settings = { federation: folder.federation, run: RUN, owners, key: signingKey(folder.seed) }
  const { signal } = ended
  const post = await ServerPost.open(connection, { ...settings, signal, note: () => {}, fenced: () => {} })
  const working = [x, y].map((change, i) => work(fed.dir, NAMES[i]!, change, signal))
  const cohort = new NatsCohort(post, connection, {
    run: RUN,
    parameters: [{ name: 'w', shape: [WEIGHTS] }],
    classes: 2,
    maxNorm: undefined,
    deadline: undefined,
    minOwners: 2,
    epochs: 1,
    sends: false,
    real: false,
    sums: undefined,
    masks: {
      rule: maskedRuleOf(experiment)!,
      threshold: undefined,
      identities: new Map(owners.map(({ owner, key }) => [owner, key])),
    },
    cards: owners.map(({ owner }) => {
      return { owner, trainImages: IMAGES, testImages: undefined, labels: false, trainLabels: undefined }
    }),
  })
  const algorithm = makeAlgorithm({ ...experiment, owners: 2 })
  const model = weightsOf(...Array(WEIGHTS).fill(0))
  const start = { round: 0, model, state: algorithm.start(model) }
  const plan = { rounds: 1, lr: 1, 'lr-schedule': 'constant' as const }
  let values: number[] = []
  for await (const event of runFederation(cohort, algorithm, plan, start, signal)) {
    if (event.type === 'round-finished') values = valuesOf(event.weights)
  }
  await post.close()
  ended.abort()
  await Promise.all(working)
  const keys = new Map(owners.map(({ owner, key }) => [owner, key]))
  const told = replies.map((data) => {
    const { owner } = JSON.parse(JSON.parse(Buffer.from(data).toString()).body)
    return decodeSigned(data, keys.get(owner)!, ReplySchema, 'the owner')
  })
  const words = [1, 2].map((owner) => {
    const own = chunks.filter(({ subject }) => subject.startsWith(`upd.o${owner}.`))
    expect(own).toHaveLength(1)
    return wordsOfBytes(own[0]!.data)
  })
  return { values, words, told }
}

/** What of the answers is no key, no signature, and no name of bytes. */
const plainOf = (told: Awaited<ReturnType<typeof transcript>>['told']) =>
  told
    .map(({ what, owner, ...rest }) => {
      const given = rest as Record<string, unknown>
      const { train_images, epochs, images, seconds, metrics, round, attempt, last, owners, opened } = given
      const counts = { train_images, epochs, images, seconds, metrics, round, attempt, last, owners, opened }
      const known = [...Object.keys(counts), 'format', 'fedunify', 'federation', 'run', 'task', 'key', 'signature', 'payload', 'masked'] // biome-ignore format: one line
      expect(Object.keys(rest).filter((key) => !known.includes(key))).toEqual([])
      return JSON.stringify({ what, owner, ...counts })
    })
    .sort()

describe.skipIf(!hasBroker)('all that a server gets from a broker', () => {
  it('is words that are uniform, and says nothing of one update while the sum is the same', {
    timeout: 90_000,
  }, async () => {
    // Multiples of 2^-8, which float32 adds without rounding.
    const at: Change = (i) => -(i % 200) / 256
    const one = await transcript(at, () => -0.25)
    const other = await transcript((i) => at(i) - 0.5, () => 0.25) // biome-ignore format: one line
    for (const [i, value] of other.values.entries()) expect(Math.abs(value - one.values[i]!)).toBeLessThan(1e-8)
    expect(one.values.every((value, i) => Math.abs(value - (at(i) - 0.25) / 2) < 1e-8)).toBe(true)
    expect(plainOf(other.told)).toEqual(plainOf(one.told))
    for (const [k, words] of one.words.entries()) {
      expect(words).toHaveLength(WEIGHTS)
      // By chance one of 20,000 words is the same about once in 215,000 times.
      expect(words.filter((word, i) => word === other.words[k]![i])).toHaveLength(0)
    }
    for (const { words } of [one, other]) {
      // With 255 degrees of freedom, one in ten million is above 390.2, and one in ten million below 154.4.
      for (const masked of words) {
        const statistic = chiSquareOfBytes(masked)
        expect([statistic > 154.4, statistic < 390.2]).toEqual([true, true])
      }
    }
  })
})
