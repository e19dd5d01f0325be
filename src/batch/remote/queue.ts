import { randomBytes } from 'node:crypto'
import { type JetStreamClient, type JetStreamManager, type JsMsg, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { dropMessages } from '../../federation/nats/drop-messages.ts'
import { nextMessage } from '../../federation/nats/next-message.ts'
import { getPayload, MAX_PAYLOAD, putPayload } from '../../federation/nats/payloads.ts'
import { persist } from '../../federation/nats/persist.ts'
import { Trouble } from '../../federation/nats/trouble.ts'
import {
  type Blob,
  decode,
  encode,
  heard,
  type Job,
  type Kind,
  type Message,
  type Result,
  type State,
} from './messages.ts'
import { BLOBS, ensureQueue, JOBS, openManager, RUNS, WORKERS } from './streams.ts'

const TIMEOUT = { timeout: 5000 }
/** The broker's code for another last message than was expected. */
const WRONG_LAST = 10071

export const newToken = (): string => randomBytes(9).toString('base64url')

/** A message and where it is in its stream. */
export interface Placed<T> {
  readonly value: T
  readonly sequence: number
}

/**
 * The runs of batches on a broker: jobs, each taken by one worker at a time; the state and the result of each run, by
 * its key; and their files. Whatever is asked is asked again until a broker that was away answers.
 */
export class Queue {
  readonly #connection: NatsConnection
  readonly #js: JetStreamClient
  readonly #jsm: JetStreamManager
  readonly #trouble: Trouble

  private constructor(connection: NatsConnection, jsm: JetStreamManager, note: (line: string) => void) {
    this.#connection = connection
    this.#js = jetstream(connection, TIMEOUT)
    this.#jsm = jsm
    this.#trouble = new Trouble(note)
  }

  /**
   * @param note told if the broker has no room any more
   * @throws FedunifyError (usage) if the broker keeps nothing
   */
  static async open(connection: NatsConnection, signal: AbortSignal, note: (line: string) => void): Promise<Queue> {
    return new Queue(connection, await openManager(connection, signal), note)
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  /** Asks until there is an answer; streams that are gone are made again. */
  async #ask<T>(ask: () => Promise<T>, signal: AbortSignal, trouble?: Trouble): Promise<T> {
    return await persist(
      async () => {
        try {
          return await ask()
        } catch (error) {
          if (/not found/i.test(String(error))) await ensureQueue(this.#jsm)
          throw error
        }
      },
      signal,
      trouble,
    )
  }

  /** The keys of the jobs that are not done, and of the results that nobody fetched. */
  async standing(signal: AbortSignal): Promise<{ jobs: ReadonlySet<string>; results: ReadonlySet<string> }> {
    const keys = async (stream: string, subjects_filter: string) => {
      const { state } = await this.#ask(() => this.#jsm.streams.info(stream, { subjects_filter }), signal)
      return new Set(Object.keys(state.subjects ?? {}).map((subject) => subject.slice(subject.lastIndexOf('.') + 1)))
    }
    // In this order: a job goes once its result is there, so a run of which neither is seen has none.
    const jobs = await keys(JOBS, 'fedunify.job.*')
    return { jobs, results: await keys(RUNS, 'fedunify.result.*') }
  }

  /** Puts a job there, unless it is there already. */
  async offer(job: Job, signal: AbortSignal): Promise<void> {
    await this.#publishAfter('job', job, 0, signal)
  }

  /** The next job that a worker may take; null if there was none for a while. */
  next(signal: AbortSignal): Promise<JsMsg | null> {
    return this.#ask(() => nextMessage(this.#js, JOBS, WORKERS, signal), signal)
  }

  async isOffered(key: string, signal: AbortSignal): Promise<boolean> {
    const last = { last_by_subj: `fedunify.job.${key}` }
    return (await this.#ask(() => this.#jsm.streams.getMessage(JOBS, last), signal)) !== null
  }

  /** Of a run: how far it has come, or how it ended. */
  async last<K extends 'state' | 'result'>(
    kind: K,
    key: string,
    signal: AbortSignal,
  ): Promise<Placed<Message<K>> | undefined> {
    const last = { last_by_subj: `fedunify.${kind}.${key}` }
    const found = await this.#ask(() => this.#jsm.direct.getMessage(RUNS, last), signal)
    return found ? { value: decode(kind, found.data), sequence: found.seq } : undefined
  }

  /**
   * Puts the state of a run in the place of that which was seen last.
   * @returns where it stands; undefined if another one has come meanwhile
   */
  putState(state: State, after: number, signal: AbortSignal): Promise<number | undefined> {
    return this.#publishAfter('state', state, after, signal)
  }

  async putResult(result: Result, signal: AbortSignal): Promise<void> {
    const bytes = encode('result', result)
    await this.#ask(() => this.#js.publish(`fedunify.result.${result.key}`, bytes, TIMEOUT), signal, this.#trouble)
  }

  async #publishAfter<K extends Kind>(
    kind: K,
    message: Message<K>,
    lastSubjectSequence: number,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const options = { ...TIMEOUT, expect: { lastSubjectSequence } }
    return await this.#ask(
      async () => {
        try {
          return (await this.#js.publish(`fedunify.${kind}.${message.key}`, encode(kind, message), options)).seq
        } catch (error) {
          if ((error as { code?: unknown }).code === WRONG_LAST) return undefined
          throw error
        }
      },
      signal,
      this.#trouble,
    )
  }

  async putBlob(key: string, set: string, bytes: Uint8Array, signal: AbortSignal): Promise<Blob> {
    const prefix = `fedunify.blob.${key}.${set}`
    const {
      id,
      bytes: size,
      chunks,
      sha256,
    } = (await putPayload(this.#js, prefix, bytes, signal, { trouble: this.#trouble })).payload
    return { id, bytes: size, chunks, sha256 }
  }

  /**
   * @returns undefined if the broker has lost it
   * @throws FedunifyError (data) if it is not what its digest says
   */
  getBlob(key: string, set: string, blob: Blob, who: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const payload = { ...blob, dtype: 'float32', modulus: null, scale: null } as const
    return getPayload(this.#jsm, BLOBS, `fedunify.blob.${key}.${set}`, payload, { most: MAX_PAYLOAD, signal, who })
  }

  async dropBlobs(key: string, set: string, signal: AbortSignal): Promise<void> {
    await this.#drop(BLOBS, `fedunify.blob.${key}.${set}.>`, signal)
  }

  /**
   * Takes all of a run off the broker but its job, which goes when its worker acknowledges it: nats-server 2.9.10 gives
   * out no further job once one was purged by its subject.
   */
  async forget(key: string, signal: AbortSignal): Promise<void> {
    await this.#drop(BLOBS, `fedunify.blob.${key}.>`, signal)
    await this.#drop(RUNS, `fedunify.state.${key}`, signal)
    await this.#drop(RUNS, `fedunify.result.${key}`, signal)
  }

  #drop(stream: string, filter: string, signal: AbortSignal): Promise<void> {
    return this.#ask(() => dropMessages(this.#js, this.#jsm, stream, filter), signal)
  }

  /** Tells whoever waits for a run; nobody may listen. */
  tell(live: Message<'live'>): void {
    if (!this.#connection.isClosed()) this.#connection.publish(`fedunify.live.${live.key}`, encode('live', live))
  }

  /** Hears what workers tell until the queue is closed. */
  async hear(listen: (live: Message<'live'>) => void): Promise<void> {
    for await (const { data } of this.#connection.subscribe('fedunify.live.*')) {
      const live = heard(data)
      if (live) listen(live)
    }
  }
}
