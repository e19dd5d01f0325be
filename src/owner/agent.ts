import { join } from 'node:path'
import { type JetStreamClient, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { FedunifyError, messageOf } from '../errors.ts'
import type { Party } from '../federation/nats/connection.ts'
import { nextMessage } from '../federation/nats/next-message.ts'
import { CHUNK_TIME } from '../federation/nats/payloads.ts'
import { orAborted, persist } from '../federation/nats/persist.ts'
import { decodeSigned, encodeSigned } from '../federation/nats/signed.ts'
import { TASKS } from '../federation/nats/streams.ts'
import { Trouble } from '../federation/nats/trouble.ts'
import { PROTOCOL, type Task, type TaskOf, TaskSchema } from '../federation/nats/wire.ts'
import { API_PREFIX } from '../federation/setup/broker-config.ts'
import { VERSION } from '../package.ts'
import type { AgentSettings } from './agent-settings.ts'
import { answerBeside } from './beside.ts'
import { answerInvitation } from './invitation.ts'
import { JoinedRun, type Wires } from './joined-run.ts'
import { watchLaterTasks } from './later-tasks.ts'
import { contentOf } from './ledger.ts'
import type { LedgerNote } from './ledger-lines.ts'
import { OwnerStore } from './owner-store.ts'
import { roundRefusal } from './policy/refusals.ts'
import { sharedProgress } from './policy/share.ts'
import { prepareOwner } from './prepare-owner.ts'
import { failed, kindOf } from './replies.ts'

/** Milliseconds between two signs of life while a task is under way. */
const BEAT = 1000

/** An owner's side: it takes one task after another, until a run ends or the signal is aborted. */
export class Agent {
  readonly #js: JetStreamClient
  readonly #wires: Wires
  readonly #party: Party
  readonly #settings: AgentSettings
  #joined: JoinedRun | undefined
  #last: { readonly task: string; readonly reply: object } | undefined
  #ended = false
  /** What the server has asked since the task at hand. */
  #later: JsMsg | undefined

  private constructor(
    connection: NatsConnection,
    { jsm, bulk }: Pick<Wires, 'jsm' | 'bulk'>,
    party: Party,
    settings: AgentSettings,
  ) {
    this.#js = jetstream(connection, { apiPrefix: API_PREFIX, timeout: 2000 })
    this.#party = party
    this.#settings = settings
    this.#wires = {
      js: this.#js,
      jsm,
      bulk,
      trouble: new Trouble(settings.note),
      live(run, round, progress) {
        const told = { run, owner: settings.owner, round, progress: sharedProgress(settings.policy.share, progress) }
        connection.publish(`live.${party.token}`, JSON.stringify(told))
      },
    }
  }

  static async open(connection: NatsConnection, party: Party, settings: AgentSettings): Promise<Agent> {
    const options = { apiPrefix: API_PREFIX, checkAPI: false, timeout: 2000 } as const
    const jsm = await persist(() => jetstreamManager(connection, options), settings.signal)
    const bulk = await jetstreamManager(connection, { ...options, timeout: CHUNK_TIME })
    const agent = new Agent(connection, { jsm, bulk }, party, settings)
    if (settings.dryRun) return agent
    const { token } = party
    const answer = (task: TaskOf<'evaluate'>) => agent.#answerBeside(task)
    answerBeside(connection, { token, note: settings.note, read: (data) => agent.#read(data), answer })
    return agent
  }

  /** @throws the signal's reason once it is aborted */
  async work(): Promise<void> {
    const { signal, once, dryRun } = this.#settings
    try {
      while (!((once || dryRun) && this.#ended)) {
        const message = await this.#next()
        if (message) await this.#take(message)
      }
    } finally {
      await this.#joined?.close()
    }
    signal.throwIfAborted()
  }

  async #next(): Promise<JsMsg | null> {
    const later = this.#later
    this.#later = undefined
    if (later) return later
    const { signal } = this.#settings
    return await persist(() => nextMessage(this.#js, TASKS, this.#party.token, signal), signal)
  }

  async #take(message: JsMsg): Promise<void> {
    const beat = setInterval(() => (this.#later ?? message).working(), BEAT)
    const task = this.#read(message.data)
    const done = new AbortController()
    const superseded = new AbortController()
    const { dryRun } = this.#settings
    const watching = task?.what === 'train' && !dryRun && this.#watch(task, message, superseded, done.signal)
    try {
      if (task) await this.#answer(task, superseded.signal)
      // What was only shown is still to be answered.
      if (dryRun) message.nak()
      else message.ack()
    } catch (error) {
      this.#settings.signal.throwIfAborted()
      this.#settings.note(`${messageOf(error)}: tried again`)
      message.nak(BEAT)
    } finally {
      done.abort()
      await watching
      clearInterval(beat)
    }
  }

  /** A server that is gone may have left a task: what another run asks comes before it. */
  #watch({ run }: Task, message: JsMsg, superseded: AbortController, done: AbortSignal): Promise<void> {
    const take = (later: JsMsg) => {
      this.#later = later
      const asked = this.#read(later.data)
      // What a run without waiting has not waited for is of no use after its end.
      const over = asked?.run === run && asked.what === 'end' && this.#joined?.waits === false
      if (!asked || (asked.run === run && !over) || superseded.signal.aborted) return
      const why = over ? 'it has ended' : `the server asks for run ${asked.run} now`
      this.#settings.note(`leaves the task of run ${run}: ${why}`)
      superseded.abort()
    }
    return watchLaterTasks(this.#wires, this.#party.token, message, take, done)
  }

  #read(data: Uint8Array): Task | undefined {
    const { note, serverKey, owner } = this.#settings
    try {
      const task = decodeSigned(data, serverKey, TaskSchema, 'the server')
      if (task.federation === this.#party.federation && task.owner === owner) return task
      note('refused: a task that is for somebody else')
    } catch (error) {
      note(`refused: ${messageOf(error)}`)
    }
    return undefined
  }

  async #answer(task: Task, superseded: AbortSignal): Promise<void> {
    if (task.what === 'end') return await this.#end(task)
    if (this.#isOld(task)) return this.#settings.note('refused: a task of an earlier round, sent again')
    if (task.what === 'invite') await this.#book(task, 'in', 'experiment', Buffer.from(JSON.stringify(task.experiment)))
    // One that was answered already: the answer may be lost.
    const reply = this.#last?.task === task.task ? this.#last.reply : await this.#reply(task, superseded)
    if (!reply || superseded.aborted) return
    this.#last = { task: task.task, reply }
    const { signal, dryRun, wouldSend } = this.#settings
    const bytes = this.#signed(task, reply)
    if (dryRun) {
      wouldSend(reply, bytes.length)
      this.#ended = true
      return
    }
    const kind = kindOf(reply as { what: string; metrics?: unknown })
    if (kind) await this.#book(task, 'out', kind, bytes)
    const put = () => this.#js.publish(`done.${this.#party.token}`, bytes, { timeout: 2000 })
    await persist(put, signal, this.#wires.trouble)
  }

  /** Scores a model while another is trained. */
  async #answerBeside(task: TaskOf<'evaluate'>): Promise<Uint8Array | undefined> {
    const joined = this.#joined
    if (joined?.run !== task.run || this.#isOld(task)) return undefined
    const reply = await joined.evaluate(task).catch((error: unknown) => {
      this.#settings.signal.throwIfAborted()
      this.#settings.note(`failed: ${messageOf(error)}`)
      return failed(error)
    })
    const bytes = this.#signed(task, reply)
    await this.#book(task, 'out', kindOf(reply as { what: string })!, bytes)
    return bytes
  }

  #signed({ federation, run, task }: Task, reply: object): Uint8Array {
    const { key, owner } = this.#settings
    return encodeSigned({ format: PROTOCOL, fedunify: VERSION, federation, run, owner, task, ...reply }, key)
  }

  /** A task that knows of fewer rounds than the server has said are done was sent again by somebody. */
  #isOld({ what, run, committed }: Task): boolean {
    return what !== 'invite' && this.#joined?.run === run && committed < this.#joined.committed
  }

  /** Undefined if nobody wants it any more. */
  async #reply(task: Exclude<Task, { what: 'end' }>, superseded: AbortSignal): Promise<object | undefined> {
    const { note, signal } = this.#settings
    try {
      if (task.fedunify !== VERSION) {
        return { what: 'refused', reasons: [`the server has fedunify ${task.fedunify}, this owner ${VERSION}`] }
      }
      if (task.what === 'invite') {
        const { reply, prepared, store } = await answerInvitation(task, this.#settings)
        if (prepared)
          await this.#open(task.run, await JoinedRun.open(task.run, prepared, store, this.#wires, this.#settings))
        return reply
      }
      const joined = await this.#join(task.run)
      await joined.forget(task.committed)
      if (task.what === 'evaluate') return await joined.evaluate(task)
      if (task.what === 'summarise') return await joined.summarise(task)
      if (task.what !== 'train') return await joined.mask(task)
      return await this.#train(joined, task, superseded)
    } catch (error) {
      signal.throwIfAborted()
      note(`failed: ${messageOf(error)}`)
      return failed(error)
    }
  }

  /** Trains a round, unless its number or its length goes beyond what the policy allows, or nobody wants it any more. */
  async #train(joined: JoinedRun, task: TaskOf<'train'>, superseded: AbortSignal): Promise<object | undefined> {
    const { policy } = this.#settings
    const refuse = (reason: string) => ({ what: 'refused', reasons: [reason] })
    const { round } = task
    const beyond = roundRefusal(policy, { round, seconds: 0 })
    if (beyond !== undefined) return refuse(beyond)
    const limit = policy.most['seconds-per-round']
    const late = limit === undefined ? superseded : AbortSignal.any([superseded, AbortSignal.timeout(1000 * limit)])
    const training = joined.train(task)
    try {
      return await orAborted(training, late)
    } catch (error) {
      if (!late.aborted) throw error
      // It stops, and what it would have made is dropped.
      training.catch(() => {})
      await joined.close()
      this.#joined = undefined
      if (superseded.aborted) return undefined
      return refuse(roundRefusal(policy, { round, seconds: limit! * 1.001 })!)
    }
  }

  /** The run that a task is of; after a restart, from what was kept of its invitation. */
  async #join(run: string): Promise<JoinedRun> {
    if (this.#joined?.run === run) return this.#joined
    const store = new OwnerStore(join(this.#settings.dir, 'runs', run))
    const invite = TaskSchema.safeParse(await store.invite())
    if (!invite.success || invite.data.what !== 'invite') {
      throw new FedunifyError('E_OWNER_STATE', `this owner does not know run ${run}`, 'the server must invite it again')
    }
    const { owner, data, signal } = this.#settings
    const prepared = await prepareOwner(invite.data.experiment, owner, data, signal)
    return await this.#open(run, await JoinedRun.open(run, prepared, store, this.#wires, this.#settings))
  }

  async #open(run: string, joined: JoinedRun): Promise<JoinedRun> {
    if (this.#joined && this.#joined.run !== run) this.#settings.note(`leaves run ${this.#joined.run}`)
    await this.#joined?.close()
    this.#joined = joined
    return joined
  }

  async #end({ run, committed, reason }: TaskOf<'end'>): Promise<void> {
    this.#settings.note(`run ${run} has ended: ${reason}`)
    await new OwnerStore(join(this.#settings.dir, 'runs', run)).forget(committed)
    // The end of another run, sent again by somebody, is not that of this one.
    if (this.#joined && this.#joined.run !== run) return
    await this.#joined?.close()
    this.#joined = undefined
    this.#ended = true
  }

  async #book(task: Task, direction: 'in' | 'out', kind: LedgerNote['kind'], bytes: Uint8Array): Promise<void> {
    const place = 'attempt' in task ? { round: task.round, attempt: task.attempt } : {}
    await this.#settings.ledger.note({ run: task.run, ...place, direction, kind, ...contentOf(bytes) })
  }
}
