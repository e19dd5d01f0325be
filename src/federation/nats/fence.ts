import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import { FedunifyError } from '../../errors.ts'
import { persist } from './persist.ts'
import { SERVER } from './streams.ts'

/** Milliseconds for which a server that gives no sign of life is waited for. */
const PATIENCE = 5000

interface Held {
  readonly session: string
  readonly run: string
  readonly released: boolean
}

/**
 * One server to a federation: each writes its session under the same subject, and only over what it wrote itself. No
 * clocks are compared: one that goes on writing lives.
 */
export class Fence {
  readonly #js: JetStreamClient
  readonly #jsm: JetStreamManager
  readonly #subject: string
  readonly #run: string
  readonly #signal: AbortSignal
  readonly #note: (line: string) => void
  readonly #session = randomBytes(9).toString('base64url')
  #sequence = 0
  #renewing: Promise<void> | undefined
  #released = false

  constructor(
    js: JetStreamClient,
    jsm: JetStreamManager,
    {
      federation,
      run,
      signal,
      note,
    }: { federation: string; run: string; signal: AbortSignal; note(line: string): void },
  ) {
    this.#js = js
    this.#jsm = jsm
    this.#subject = `server.${federation}`
    this.#run = run
    this.#signal = signal
    this.#note = note
  }

  /** @throws FedunifyError (training) if another server is at work */
  async take(): Promise<void> {
    while (!(await this.#tryToTake()));
  }

  /** @returns false if another was quicker: then that one is to be looked at */
  async #tryToTake(): Promise<boolean> {
    const before = await persist(() => this.#last(), this.#signal)
    if (before && !before.held.released) {
      this.#note('another server was at work here: looking whether it still is')
      await sleep(PATIENCE, undefined, { signal: this.#signal })
      const now = await persist(() => this.#last(), this.#signal)
      if (now && now.sequence !== before.sequence && !now.held.released) throw fenced(now.held)
    }
    return await persist(async () => {
      const now = await this.#last()
      // An answer may have been lost: then what is there is ours.
      if (now?.held.session !== this.#session && now?.sequence !== before?.sequence) return false
      this.#sequence = now?.sequence ?? 0
      await this.#write(false)
      return true
    }, this.#signal)
  }

  /** @throws FedunifyError (training) if another server has taken over */
  async renew(): Promise<void> {
    if (this.#released) return
    this.#renewing ??= this.#say(false).finally(() => {
      this.#renewing = undefined
    })
    await this.#renewing
  }

  async release(): Promise<void> {
    this.#released = true
    // A renewal that arrives later would take the word back.
    await this.#renewing?.catch(() => {})
    await this.#say(true).catch(() => {})
  }

  async #say(released: boolean): Promise<void> {
    try {
      await this.#write(released)
    } catch {
      const last = await this.#last()
      if (last && last.held.session !== this.#session) throw fenced(last.held)
      // The broker has lost what it knew, or an answer was lost: what is there is ours.
      this.#sequence = last?.sequence ?? 0
      await this.#write(released)
    }
  }

  async #write(released: boolean): Promise<void> {
    const held: Held = { session: this.#session, run: this.#run, released }
    const expect = { lastSubjectSequence: this.#sequence }
    const ack = await this.#js.publish(this.#subject, JSON.stringify(held), { expect, timeout: 2000 })
    this.#sequence = ack.seq
  }

  async #last(): Promise<{ sequence: number; held: Held } | undefined> {
    const message = await this.#jsm.direct.getMessage(SERVER, { last_by_subj: this.#subject })
    return message ? { sequence: message.seq, held: message.json<Held>() } : undefined
  }
}

const fenced = ({ run }: Held) =>
  new FedunifyError(
    'E_FENCED',
    `another server is at work in this federation, with run ${run}`,
    'one server at a time: stop it, or wait until it has finished',
  )
