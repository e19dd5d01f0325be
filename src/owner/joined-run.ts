import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import type { Learner, Progress } from '../engine/engine.ts'
import { FedunifyError } from '../errors.ts'
import { toWire, updateToWire } from '../federation/nats/evaluations.ts'
import { getPayload, putPayload } from '../federation/nats/payloads.ts'
import { MODELS } from '../federation/nats/streams.ts'
import type { Trouble } from '../federation/nats/trouble.ts'
import { ownerToken, type TaskOf, type WireMetrics, type WirePayload } from '../federation/nats/wire.ts'
import { ShardOwner } from '../federation/owner.ts'
import { updateTensors } from '../federation/tensors.ts'
import type { Model } from '../model/model.ts'
import { ownerSettings } from '../run/owners.ts'
import { openLearner } from '../run/participants.ts'
import { unflatten } from '../weights/named.ts'
import { encodeSafetensors } from '../weights/safetensors.ts'
import type { Weights } from '../weights/weights.ts'
import type { AgentSettings } from './agent-settings.ts'
import { contentOf } from './ledger.ts'
import type { KeptUpdate, OwnerStore } from './owner-store.ts'
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

/** A run that this owner takes part in: it trains and evaluates, and keeps each update until the server has it. */
export class JoinedRun {
  readonly run: string
  readonly #owner: ShardOwner
  readonly #learner: Learner
  readonly #store: OwnerStore
  readonly #wires: Wires
  readonly #settings: AgentSettings
  readonly #model: Model
  #committed = 0
  #models = new Map<string, Weights>()

  private constructor(
    run: string,
    model: Model,
    owner: ShardOwner,
    learner: Learner,
    store: OwnerStore,
    wires: Wires,
    settings: AgentSettings,
  ) {
    this.run = run
    this.#model = model
    this.#owner = owner
    this.#learner = learner
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
    const learner = await openLearner({ ...prepared, shards: [prepared.shard] }, 1, settings.signal)
    const owner = new ShardOwner(prepared.shard, learner, ownerSettings(prepared, prepared.shard))
    return new JoinedRun(run, prepared.model, owner, learner, store, wires, settings)
  }

  close(): Promise<void> {
    return this.#learner.close()
  }

  /** Rounds that the server has said are done. */
  get committed(): number {
    return this.#committed
  }

  /** Forgets the rounds that the server has on its own disk. */
  forget(committed: number): Promise<void> {
    this.#committed = committed
    return this.#store.forget(committed)
  }

  async train(task: TaskOf<'train'>): Promise<object> {
    const { round, attempt, lr, model, instruction } = task
    // What it was asked, so that the same is not trained another time with other results.
    const asked = [round, lr, model?.sha256, instruction?.sha256].join()
    const kept = await this.#store.update(round)
    const update = kept?.asked === asked ? kept : await this.#trainAnew(task, asked)
    const { owner, signal, ledger, policy } = this.#settings
    const metrics = update.reply.metrics as WireMetrics
    if (policy.share.metrics && task.evaluate_received && !metrics.received) {
      // It was trained for a server that knew this; one that was resumed does not.
      metrics.received = toWire(await this.#owner.evaluate(model ? await this.#get(model) : undefined))
    }
    // In the owner's own book before it is sent.
    const content = contentOf(update.bytes)
    await ledger.note({ run: this.run, round, attempt, direction: 'out', kind: 'update', ...content })
    const prefix = `upd.${ownerToken(owner)}.${this.run}`
    const { js, trouble } = this.#wires
    const { payload } = await putPayload(js, prefix, update.bytes, signal, { digest: content.sha256, trouble })
    // What it keeps here is whole: the policy may be another by now.
    return { ...update.reply, attempt, payload, metrics: sharedMetrics(policy.share, metrics) }
  }

  async evaluate(task: TaskOf<'evaluate'>): Promise<object> {
    const { share } = this.#settings.policy
    const nothing = { what: 'evaluation', round: task.round, evaluation: null }
    if (!share.metrics) return nothing
    const evaluation = await this.#owner.evaluate(await this.#get(task.model))
    return { ...nothing, evaluation: sharedEvaluation(share, toWire(evaluation)) }
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
    const limits = { most: mostOf(kind, this.#model), signal, who: `the ${kind}` }
    const bytes = await getPayload(this.#wires.bulk, MODELS, `model.${this.run}`, payload, limits)
    if (!bytes) throw new FedunifyError('E_PAYLOAD', 'a model is not at the broker', 'the server sends it again')
    await ledger.note({ run: this.run, direction: 'in', kind, bytes: bytes.length, sha256: payload.sha256 })
    const weights = readReceived(kind, bytes, this.#model)
    this.#models = new Map([...[...this.#models].slice(-1), [payload.sha256, weights]])
    return weights
  }
}
