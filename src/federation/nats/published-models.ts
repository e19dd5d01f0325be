import { encodeSafetensors } from '../../weights/safetensors.ts'
import type { Weights } from '../../weights/weights.ts'
import type { ModelRef } from '../cohort.ts'
import { type Put, putPayload } from './payloads.ts'
import { persist } from './persist.ts'
import type { ServerPost } from './server-post.ts'
import { MODELS } from './streams.ts'
import type { Reply, WirePayload } from './wire.ts'

interface Published {
  readonly weights: Weights
  readonly bytes: Uint8Array
  put: Put
}

/** The models of a run that are at the broker, to be put there again if it loses them. */
export class PublishedModels {
  readonly #post: ServerPost
  readonly #run: string
  readonly #models = new Map<number, Published>()
  #count = 0

  constructor(post: ServerPost, run: string) {
    this.#post = post
    this.#run = run
  }

  /** @returns the model's reference, and its size as it travels */
  async publish(weights: Weights): Promise<{ ref: ModelRef; size: number }> {
    const bytes = encodeSafetensors(weights)
    const put = await this.#put(bytes, this.#post.settings.signal)
    const ref = { id: ++this.#count }
    this.#models.set(ref.id, { weights, bytes, put })
    return { ref, size: bytes.length }
  }

  weights = ({ id }: ModelRef): Weights => this.#models.get(id)!.weights

  /** Bytes of a model as it travels. */
  size = ({ id }: ModelRef): number => this.#models.get(id)!.bytes.length

  payload = ({ id }: ModelRef): WirePayload => this.#models.get(id)!.put.payload

  /** What goes to one owner along with a model, and is needed as long as the model is. */
  async putExtra(bytes: Uint8Array, signal: AbortSignal): Promise<WirePayload> {
    return (await this.#put(bytes, signal)).payload
  }

  #put(bytes: Uint8Array, signal: AbortSignal, digest?: string): Promise<Put> {
    const { js, trouble } = this.#post
    return putPayload(js, `model.${this.#run}`, bytes, signal, { trouble, ...(digest !== undefined && { digest }) })
  }

  /** Whether an owner did not find what it was sent: the broker has lost it, and it is put there again. */
  async putAgain(reply: Reply, needed: readonly WirePayload[], signal: AbortSignal): Promise<boolean> {
    if (reply.what !== 'failed' || reply.code !== 'E_PAYLOAD') return false
    for (const model of this.#models.values()) {
      const { payload } = model.put
      if (needed.includes(payload)) model.put = await this.#put(model.bytes, signal, payload.sha256)
    }
    return true
  }

  /**
   * Nobody needs the others any more, nor what lies before `current` in the stream. It is purged by its place, not by
   * its subjects: brokers before 2.9.15 go on counting what is purged by subject as in use, until they have no room
   * (nats-io/nats-server#3876).
   */
  async keepOnly(current: ModelRef | undefined): Promise<void> {
    for (const id of this.#models.keys()) if (id !== current?.id) this.#models.delete(id)
    const seq = current && this.#models.get(current.id)!.put.first
    if (seq === 1) return // nothing lies before it, and a broker takes a purge up to 1 for one of everything
    await persist(() => this.#post.jsm.streams.purge(MODELS, seq ? { seq } : undefined), this.#post.settings.signal)
  }
}
