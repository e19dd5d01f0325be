import { encodeSafetensors } from '../../weights/safetensors.ts'
import type { Weights } from '../../weights/weights.ts'
import type { ModelRef } from '../cohort.ts'
import { putPayload } from './payloads.ts'
import { persist } from './persist.ts'
import type { ServerPost } from './server-post.ts'
import { MODELS } from './streams.ts'
import type { Reply, WirePayload } from './wire.ts'

interface Published {
  readonly weights: Weights
  readonly bytes: Uint8Array
  payload: WirePayload
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
    const payload = await this.put(bytes, this.#post.settings.signal)
    const ref = { id: ++this.#count }
    this.#models.set(ref.id, { weights, bytes, payload })
    return { ref, size: bytes.length }
  }

  weights = ({ id }: ModelRef): Weights => this.#models.get(id)!.weights

  payload = ({ id }: ModelRef): WirePayload => this.#models.get(id)!.payload

  put(bytes: Uint8Array, signal: AbortSignal): Promise<WirePayload> {
    return putPayload(this.#post.js, `model.${this.#run}`, bytes, signal)
  }

  /** Whether an owner did not find what it was sent: the broker has lost it, and it is put there again. */
  async putAgain(reply: Reply, payload: WirePayload | undefined, signal: AbortSignal): Promise<boolean> {
    if (reply.what !== 'failed' || reply.code !== 'E_PAYLOAD') return false
    for (const model of this.#models.values()) {
      if (model.payload === payload) model.payload = await this.put(model.bytes, signal)
    }
    return true
  }

  /** Nobody needs the others any more. */
  async keepOnly(current: ModelRef | undefined): Promise<void> {
    const { signal } = this.#post.settings
    for (const [id, { payload }] of this.#models) {
      if (id === current?.id) continue
      this.#models.delete(id)
      const filter = `model.${this.#run}.${payload.id}.*`
      await persist(() => this.#post.jsm.streams.purge(MODELS, { filter }), signal)
    }
  }
}
