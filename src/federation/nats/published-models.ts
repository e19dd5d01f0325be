import { sha256 } from '../../system/digest.ts'
import { encodeSafetensors } from '../../weights/safetensors.ts'
import type { Weights } from '../../weights/weights.ts'
import type { ModelRef } from '../cohort.ts'
import { type Put, putPayload } from './payloads.ts'
import { persist } from './persist.ts'
import type { ServerPost } from './server-post.ts'
import { MODELS } from './streams.ts'
import type { Reply, WirePayload } from './wire.ts'

interface Published {
  readonly ref: ModelRef
  weights: Weights
  readonly bytes: Uint8Array
  put: Put
}

/** The models of a run that are at the broker, to be put there again if it loses them. */
export class PublishedModels {
  readonly #post: ServerPost
  readonly #run: string
  readonly #models = new Map<number, Published>()
  #count = 0
  #last: ModelRef | undefined

  constructor(post: ServerPost, run: string) {
    this.#post = post
    this.#run = run
  }

  /**
   * @param again whether one that is there already is published again by its reference alone
   * @returns the model's reference, and its size as it travels
   */
  async publish(weights: Weights, again = false): Promise<{ ref: ModelRef; size: number }> {
    const bytes = encodeSafetensors(weights)
    const digest = sha256(bytes)
    const size = bytes.length
    const there = again && [...this.#models.values()].find(({ put }) => put.payload.sha256 === digest)
    if (there) {
      // The memory of the earlier one may be used for another by now.
      there.weights = weights
      this.#last = there.ref
      return { ref: there.ref, size }
    }
    const put = await this.#put(bytes, this.#post.settings.signal, digest)
    const ref = { id: ++this.#count }
    this.#models.set(ref.id, { ref, weights, bytes, put })
    this.#last = ref
    return { ref, size }
  }

  /** The one that was published last. */
  get last(): ModelRef | undefined {
    return this.#last
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
   * Nobody needs the others any more, nor what lies before all of these in the stream. It is purged by its place, not by
   * its subjects: brokers before 2.9.15 go on counting what is purged by subject as in use, until they have no room
   * (nats-io/nats-server#3876).
   */
  async keepOnly(needed: readonly ModelRef[]): Promise<void> {
    for (const id of this.#models.keys()) if (needed.every((ref) => ref.id !== id)) this.#models.delete(id)
    const places = [...this.#models.values()].map(({ put }) => put.first)
    const seq = places.length > 0 ? Math.min(...places) : undefined
    if (seq === 1) return // nothing lies before it, and a broker takes a purge up to 1 for one of everything
    await persist(() => this.#post.jsm.streams.purge(MODELS, seq ? { seq } : undefined), this.#post.settings.signal)
  }
}
