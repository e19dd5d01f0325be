import { generateKeyPairSync } from 'node:crypto'
import type { Task } from '../../src/federation/nats/wire.ts'
import { encodeSafetensors } from '../../src/weights/safetensors.ts'
import { copyWeights, type Weights } from '../../src/weights/weights.ts'
import type { EvilOwner, Honest } from './evil-owner.ts'

/** Something that a malicious owner does with its turn. */
export interface Attack {
  readonly name: string
  /** What the server says of it; undefined if it says nothing. */
  readonly line: RegExp | undefined
  /** Whether it is an answer, which is refused and asked for again; else nobody's answer, and the server goes on waiting. */
  readonly answers: boolean
  run(task: Task, honest: Honest, evil: EvilOwner): Promise<void>
}

/** The first tensor, changed. */
function changed({ weights }: Honest, change: (data: Float32Array) => void): Weights {
  const copy = copyWeights(weights)
  change([...copy.values()][0]!.data)
  return copy
}

const answer = (name: string, line: RegExp, run: Attack['run']): Attack => ({ name, line, answers: true, run })
const stray = (name: string, line: RegExp | undefined, run: Attack['run']): Attack => ({
  name,
  line,
  answers: false,
  run,
})

/** Hands in an honest update whose metrics are changed. */
const report =
  (change: (metrics: Record<string, unknown>) => object): Attack['run'] =>
  (task, honest, evil) => {
    const metrics = structuredClone(honest.report.metrics) as Record<string, unknown>
    return evil.handIn(task, honest, { metrics: { ...metrics, ...change(metrics) } })
  }

const local = (metrics: Record<string, unknown>) => metrics.local as { images: number; confusion: number[] }

/** Updates that cannot be merged. */
export const BAD_UPDATES: readonly Attack[] = [
  answer('NaN', /owner bob .* holds NaN in conv1\.weight/, (task, honest, evil) =>
    evil.handIn(task, { ...honest, weights: changed(honest, (data) => data.fill(Number.NaN)) }),
  ),
  answer('infinity', /owner bob .* holds Infinity in/, (task, honest, evil) =>
    evil.handIn(task, {
      ...honest,
      weights: changed(honest, (data) => {
        data[3] = Number.POSITIVE_INFINITY
      }),
    }),
  ),
  answer('a huge norm', /owner bob .* moved by 1\.\d+e\+?8, more than 1000 /, (task, honest, evil) =>
    evil.handIn(task, { ...honest, weights: changed(honest, (data) => data.fill(1e8 / Math.sqrt(data.length))) }),
  ),
  answer('another shape', /owner bob .* has conv1\.weight of \[\d+\]/, (task, honest, evil) => {
    const [name, { data }] = [...honest.weights][0]!
    const weights = new Map([...honest.weights, [name, { shape: [data.length], data }]] as const)
    return evil.handIn(task, { ...honest, weights })
  }),
  answer('a shape of lists', /owner bob .* is no safetensors file/, (task, honest, evil) => {
    // Joined by commas it is the model's.
    const file = Buffer.from(encodeSafetensors(honest.weights)).toString('latin1')
    const forged = file.replace(/"shape":\[(\d+),(\d+),(\d+),(\d+)\](.*?) {2}/, '"shape":[[$1],$2,$3,$4]$5')
    return handInBytes(task, honest, evil, Buffer.from(forged, 'latin1'))
  }),
  answer('a missing tensor', /owner bob .* has no /, (task, honest, evil) =>
    evil.handIn(task, { ...honest, weights: new Map([...honest.weights].slice(1)) }),
  ),
  answer('an extra tensor', /owner bob .* has extra, which the model has not/, (task, honest, evil) => {
    const extra = { shape: [1], data: new Float32Array(1) }
    return evil.handIn(task, { ...honest, weights: new Map([...honest.weights, ['extra', extra]]) })
  }),
  answer('what nobody asked for', /owner bob .* has sent\/x\/y, which this run does not need/, (task, honest, evil) => {
    const extra = { shape: [1], data: new Float32Array(1) }
    return evil.handIn(task, { ...honest, weights: new Map([...honest.weights, ['sent/x/y', extra]]) })
  }),
  answer('no safetensors', /owner bob .* is no safetensors file/, (task, honest, evil) =>
    handInBytes(task, honest, evil, new Uint8Array(5000).fill(255)),
  ),
  answer('cut short', /chunk 0 of the update of owner bob has \d+ bytes, expected/, async (task, honest, evil) => {
    const payload = await evil.put(task, honest.weights)
    const short = encodeSafetensors(honest.weights).subarray(0, -8)
    await evil.js.publish(`upd.${evil.token}.${task.run}.${payload.id}.0`, short)
    await evil.post(evil.signed(task, { ...honest.report, payload }))
  }),
  answer('another digest', /update of owner bob is not what its digest says/, async (task, honest, evil) => {
    const payload = { ...(await evil.put(task, honest.weights)), sha256: 'a'.repeat(64) }
    await evil.post(evil.signed(task, { ...honest.report, payload }))
  }),
  answer('4 GB', /update of owner bob claims 4000000000 bytes/, async (task, honest, evil) => {
    const payload = { ...(await evil.put(task, honest.weights)), bytes: 4e9, chunks: Math.ceil(4e9 / 2 ** 20) }
    await evil.post(evil.signed(task, { ...honest.report, payload }))
  }),
  answer('no weights', /owner bob handed in an update that is not at the broker/, async (task, honest, evil) => {
    const payload = { ...(await evil.put(task, honest.weights)), id: 'nothing' }
    await evil.post(evil.signed(task, { ...honest.report, payload }))
  }),
  answer('another round', /owner bob handed in round 77/, (task, honest, evil) =>
    evil.handIn(task, honest, { round: 77 }),
  ),
  answer('another attempt', /owner bob handed in round \d+, attempt 9/, (task, honest, evil) =>
    evil.handIn(task, honest, { attempt: 9 }),
  ),
  answer('other images', /owner bob .* is of 1000000 images, but the owner has said/, (task, honest, evil) =>
    evil.handIn(task, honest, { train_images: 1_000_000 }),
  ),
  answer('no metrics', /owner bob .* has no metrics/, (task, honest, evil) =>
    evil.handIn(task, honest, { metrics: null }),
  ),
  answer('more epochs than asked', /owner bob .* claims 900 epochs and \d+ images/, (task, honest, evil) =>
    evil.handIn(task, honest, { epochs: 900, images: 900 * 120 }),
  ),
  answer(
    'a confusion matrix of other classes',
    /owner bob .* has a confusion matrix of 9 counts, expected 16/,
    report((metrics) => ({ local: { ...local(metrics), confusion: Array(9).fill(1) } })),
  ),
  answer(
    'a confusion matrix of nobody',
    /owner bob .* has a confusion matrix of \d+ images, expected/,
    report((metrics) => ({ local: { ...local(metrics), confusion: Array(16).fill(2 ** 40) } })),
  ),
  answer(
    'other test images',
    /owner bob .* is scored on 9007199254740991 test images/,
    report((metrics) => ({ local: { ...local(metrics), images: Number.MAX_SAFE_INTEGER } })),
  ),
  answer(
    'none of it right',
    /owner bob .* counts 0 images as right, its confusion matrix/,
    report((metrics) => ({ local: { ...local(metrics), correct: 0 } })),
  ),
]

async function handInBytes(task: Task, { report }: Honest, evil: EvilOwner, bytes: Uint8Array): Promise<void> {
  const payload = await evil.put(task, bytes)
  await evil.post(evil.signed(task, { ...report, payload }))
}

let seen: Uint8Array | undefined

/** Messages that are nobody's answer. */
export const STRAY_MESSAGES: readonly Attack[] = [
  stray('a forged signature', /a message of owner bob is not signed by its key/, async (task, honest, evil) => {
    const payload = await evil.put(task, honest.weights)
    const { privateKey } = generateKeyPairSync('ed25519')
    await evil.post(evil.signed(task, { ...honest.report, payload }, privateKey))
    seen = evil.signed(task, { ...honest.report, payload })
  }),
  stray("alice's number", /a message of owner bob in the name of owner 1/, async (task, honest, evil) => {
    const payload = await evil.put(task, honest.weights)
    await evil.post(evil.signed(task, { ...honest.report, payload, owner: 1 }))
  }),
  stray('negative counts', /of owner bob is not of this protocol: train_images/, (task, honest, evil) =>
    evil.handIn(task, honest, { train_images: -1 }),
  ),
  stray('no JSON', /a message of owner bob cannot be read/, (_, __, evil) => evil.post('\u001b[2Jno JSON')),
  stray('deep JSON', /a message of owner bob cannot be read/, (_, __, evil) =>
    evil.post(`${'['.repeat(900_000)}${']'.repeat(900_000)}`),
  ),
  stray('deep signed JSON', /of owner bob is not of this protocol: metrics/, (task, honest, evil) => {
    let metrics: object = {}
    for (let i = 0; i < 1000; i++) metrics = { metrics }
    return evil.handIn(task, honest, { metrics })
  }),
  stray('another protocol', /of owner bob is of protocol 2 \(fedunify 9\.9\)/, (task, honest, evil) =>
    evil.handIn(task, honest, { format: 2, fedunify: '9.9' }),
  ),
  stray('another version', /owner bob has fedunify 0\.0\.1, this server/, (task, honest, evil) =>
    evil.handIn(task, honest, { fedunify: '0.0.1' }),
  ),
  stray('an update of a round before', undefined, async (_, __, evil) => await evil.post(seen!)),
  stray('an update of another run', undefined, async (task, honest, evil) =>
    evil.handIn(task, honest, { run: 'another', train_images: 1 }),
  ),
  stray('a sign of life of alice', undefined, async (task, _, evil) => {
    const progress = { epoch: 1, epochs: 1, images: 66_666, total: 66_666, loss: 0.1 }
    const told = { run: task.run, owner: 1, round: task.what === 'train' ? task.round : 0, progress }
    evil.connection.publish(`live.${evil.token}`, JSON.stringify(told))
  }),
  stray('10 MB', undefined, async (_, __, evil) => {
    try {
      evil.connection.publish(`done.${evil.token}`, new Uint8Array(10_000_000))
    } catch {
      // The client knows what the broker takes.
    }
  }),
]
