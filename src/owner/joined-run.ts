import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import type { Learner, Progress } from '../engine/engine.ts'
import { FedunifyError } from '../errors.ts'
import type { HeadLearner } from '../federation/head-learner.ts'
import { headOfTensors, headShapes } from '../federation/head-tensors.ts'
import { toWire, updateToWire } from '../federation/nats/evaluations.ts'
import { getPayload, putPayload, wordsForm } from '../federation/nats/payloads.ts'
import { MODELS } from '../federation/nats/streams.ts'
import type { Trouble } from '../federation/nats/trouble.ts'
import { ownerToken, type TaskOf, type WireMetrics, type WirePayload } from '../federation/nats/wire.ts'
import { ShardOwner } from '../federation/owner.ts'
import { updateTensors } from '../federation/tensors.ts'
import { MODULO_64 } from '../privacy/masks/ring.ts'
import { bytesOfWords } from '../privacy/masks/words.ts'
import { ownerSettings } from '../run/owners.ts'
import { headLearner, openLearner } from '../run/participants.ts'
import { unflatten } from '../weights/named.ts'
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts'
import type { Weights } from '../weights/weights.ts'
import type { AgentSettings } from './agent-settings.ts'
import type { MaskTask } from './joined-sums.ts'
import { contentOf } from './ledger.ts'
import { MaskedRun } from './masked-run.ts'
import type { KeptUpdate, OwnerStore } from './owner-store.ts'
import { bareWeights, withheldSums } from './policy/refusals.ts'
import { sharedEvaluation, sharedMetrics } from './policy/share.ts'
import type { PreparedOwner } from './prepare-owner.ts'
import { type Kind, mostOf, readReceived } from './received.ts'

/** What the agent lends a run: the broker, and a way to tell of progress. */
export interface Wires {
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
  /** For what takes long on a slow line. */
  readonly bulk: JetStreamManager
  /** Told of what the broker does not take. */
  readonly trouble: Trouble
  live(run: string, round: number, progress: Progress): void
}

/** What of an owner works for a run. */
interface Parts {
  readonly owner: ShardOwner
  readonly learner: Learner
  readonly heads: HeadLearner | undefined
  readonly masks: MaskedRun | undefined
}

/** A run that this owner takes part in: it trains and evaluates, and keeps each update until the server has it. */
export class JoinedRun {
  readonly run: string
  readonly #owner: ShardOwner
  readonly #learner: Learner
  readonly #store: OwnerStore
  readonly #wires: Wires
  readonly #settings: AgentSettings
  readonly #prepared: PreparedOwner
  /** What computes for a head, if the run has one. */
  readonly #heads: HeadLearner | undefined
  /** What masks its updates, if the run has masks. */
  readonly #masks: MaskedRun | undefined
  #committed = 0
  #models = new Map<string, Weights>()

  private constructor(
    run: string,
    prepared: PreparedOwner,
    { owner, learner, heads, masks }: Parts,
    store: OwnerStore,
    wires: Wires,
    settings: AgentSettings,
  ) {
    this.run = run
    this.#prepared = prepared
    this.#owner = owner
    this.#learner = learner
    this.#heads = heads
    this.#masks = masks
    this.#store = store
    this.#wires = wires
    this.#settings = settings
  }

  static async open(
    run: string,
    prepared: PreparedOwner,
    store: OwnerStore,
    wires: Wires,
    settings: AgentSettings,
  ): Promise<JoinedRun> {
    const masks = await MaskedRun.open(run, prepared, store, settings)
    const alone = { ...prepared, shards: [prepared.shard] }
    // Without waiting it scores models while it trains: another thread does.
    const threads = prepared.experiment.pace ? 2 : 1
    const learner = await openLearner(alone, threads, settings.signal)
    const heads = headLearner(alone, 1, learner, settings.signal)
    const owner = new ShardOwner(prepared.shard, learner, ownerSettings(prepared, prepared.shard))
    return new JoinedRun(run, prepared, { owner, learner, heads, masks }, store, wires, settings)
  }

  async close(): Promise<void> {
    await this.#heads?.close()
    await this.#learner.close()
  }

  /** Whether its rounds wait for all owners. */
  get waits(): boolean {
    return this.#prepared.experiment.pace === undefined
  }

  /** Rounds that the server has said are done. */
  get committed(): number {
    return this.#committed
  }

  /** Forgets the rounds that the server has on its own disk. */
  async forget(committed: number): Promise<void> {
    this.#committed = committed
    await this.#store.forget(committed)
    await this.#masks?.forget(committed)
  }

  /** What masked sums need before and after an update. */
  mask(task: MaskTask): Promise<object> {
    return this.#masksFor(task.round).answer(task)
  }

  async train(task: TaskOf<'train'>): Promise<object> {
    const reasons = bareWeights(this.#settings.policy, this.#prepared.experiment)
    if (reasons.length > 0) return { what: 'refused', reasons }
    this.#assertMasks(task)
    const { round, attempt, lr, model, instruction } = task
    // What it was asked, so that the same is not trained another time with other results.
    const asked = [round, lr, model?.sha256, instruction?.sha256].join()
    const kept = await this.#store.update(round)
    const update = kept?.asked === asked ? kept : await this.#trainAnew(task, asked)
    const { share } = this.#settings.policy
    const metrics = update.reply.metrics as WireMetrics
    if (share.metrics && task.evaluate_received && !metrics.received) {
      // It was trained for a server that knew this; one that was resumed does not.
      metrics.received = toWire(await this.#owner.evaluate(model ? await this.#get(model) : undefined))
    }
    // What it keeps here is whole: the policy may be another by now.
    const reply = { ...update.reply, attempt, metrics: sharedMetrics(share, metrics) }
    if (!this.#masks) return { ...reply, payload: await this.#send(task, 'update', update.bytes) }
    const received = await this.#get(model!)
    const { weights: trained } = decodeSafetensors(update.bytes, 'the update')
    const { id, words, scale } = await this.#masks.seal(task, received, trained)
    return {
      ...reply,
      payload: await this.#send(task, 'masked', bytesOfWords(words), wordsForm(scale)),
      masked: id,
    }
  }

  #masksFor(round: number): MaskedRun {
    if (this.#masks) return this.#masks
    const message = `round ${round}: the server asks for masks, and the experiment has none`
    throw new FedunifyError('E_OWNER_REFUSED', message, 'nothing was sent')
  }

  /** An update leaves it as the experiment said, whatever the server asks for later. */
  #assertMasks(task: TaskOf<'train'>): void {
    if (this.#masks || task.masked) this.#masksFor(task.round).assertMasked(task)
  }

  async evaluate({ round, model, head }: TaskOf<'evaluate'>): Promise<object> {
    const { share } = this.#settings.policy
    const nothing = { what: 'evaluation', round, evaluation: null }
    if (!share.metrics) return nothing
    const weights = await this.#get(model)
    const evaluation = head
      ? await this.#headsFor('evaluate').evaluate(
          weights,
          headOfTensors(await this.#get(head, 'head')),
          this.#prepared.shard,
        )
      : await this.#owner.evaluate(weights)
    return { ...nothing, evaluation: sharedEvaluation(share, toWire(evaluation)) }
  }

  /** Sums over its images, if its policy lets them leave whatever it was asked when it was invited. */
  async summarise(task: TaskOf<'summarise'>): Promise<object> {
    const { round, attempt, model } = task
    const { experiment, shard } = this.#prepared
    const reasons = withheldSums(this.#settings.policy, experiment)
    if (reasons.length > 0) return { what: 'refused', reasons }
    const heads = this.#headsFor('sum features')
    const told = { what: 'statistics', round, attempt, images: shard.train.length }
    const weights = await this.#get(model)
    if (this.#masks || task.masked) {
      const sealing = this.#masksFor(round).sealSums(task, () => heads.sums(weights, shard))
      const { id, words, scale } = await sealing
      const payload = await this.#send(task, 'statistics', bytesOfWords(words), wordsForm(scale, MODULO_64))
      return { ...told, payload, masked: id }
    }
    const payload = await this.#send(task, 'statistics', encodeSafetensors(await heads.summarise(weights, shard)))
    return { ...told, payload }
  }

  #headsFor(what: string): HeadLearner {
    if (this.#heads) return this.#heads
    const message = `the server asks this owner to ${what} for a head, and the experiment has none`
    throw new FedunifyError('E_OWNER_REFUSED', message, 'nothing was computed')
  }

  /** Puts a file to the broker, once it is in the owner's own book. */
  async #send(
    { round, attempt }: TaskOf<'train' | 'summarise'>,
    kind: 'update' | 'masked' | 'statistics',
    bytes: Uint8Array,
    form?: ReturnType<typeof wordsForm>,
  ): Promise<WirePayload> {
    const { owner, signal, ledger } = this.#settings
    const content = contentOf(bytes)
    await ledger.note({ run: this.run, round, attempt, direction: 'out', kind, ...content })
    const { js, trouble } = this.#wires
    const prefix = `upd.${ownerToken(owner)}.${this.run}`
    return (await putPayload(js, prefix, bytes, signal, { digest: content.sha256, trouble, ...(form && { form }) }))
      .payload
  }

  async #trainAnew(task: TaskOf<'train'>, asked: string): Promise<KeptUpdate> {
    const { round, lr, model, instruction, evaluate, evaluate_received: evaluateReceived } = task
    const received = model ? await this.#get(model) : undefined
    const given = instruction ? unflatten(await this.#get(instruction, 'instruction')) : {}
    // From the disk, if this process did not train the last one that it took part in.
    const last = this.#owner.knowsBefore(round) ? undefined : await this.#store.stateBefore(round)
    if (last) this.#owner.restore(last.round, last.state)
    const began = performance.now()
    const report = (progress: Progress) => this.#wires.live(this.run, round, progress)
    const asks = { round, lr, instruction: given, evaluate, evaluateReceived }
    const update = await this.#owner.train(received, asks, report)
    const bytes = encodeSafetensors(updateTensors(update))
    const kept = { asked, reply: { what: 'update', round, ...updateToWire(update) }, bytes }
    // Before anything is told.
    await this.#store.putRound(round, kept, this.#owner.state(round))
    const took = ((performance.now() - began) / 1000).toFixed(1)
    this.#settings.note(`round ${round}: trained in ${took} s, ${bytes.length} bytes of weights to send`)
    return kept
  }

  /** A model is fetched once, whatever is asked with it. */
  async #get(payload: WirePayload, kind: Kind = 'model'): Promise<Weights> {
    const known = this.#models.get(payload.sha256)
    if (known) return known
    const { signal, ledger } = this.#settings
    const expected = { model: this.#prepared.model, head: this.#heads && headShapes(this.#heads.sizes) }
    const limits = { most: mostOf(kind, expected), signal, who: `the ${kind}` }
    const bytes = await getPayload(this.#wires.bulk, MODELS, `model.${this.run}`, payload, limits)
    if (!bytes) throw new FedunifyError('E_PAYLOAD', 'a model is not at the broker', 'the server sends it again')
    await ledger.note({ run: this.run, direction: 'in', kind, bytes: bytes.length, sha256: payload.sha256 })
    const weights = readReceived(kind, bytes, expected)
    this.#models = new Map([...[...this.#models].slice(-1), [payload.sha256, weights]])
    return weights
  }
}
