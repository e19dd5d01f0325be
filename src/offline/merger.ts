import { mergeRule, ownRuleOf } from '../algorithm/merge/own-rule.ts'
import { startMerge } from '../algorithm/merge/start-merge.ts'
import { FedunifyError } from '../errors.ts'
import { choiceText } from '../parts.ts'
import { tidy } from '../system/memory.ts'
import { decodeFloats, encodeFloats, floatBytes, nonFiniteAt, tooLargeAt } from '../weights/floats.ts'
import { WeightPool } from '../weights/pool.ts'
import { FLOAT_TYPES, type FloatType } from '../weights/safetensors/dtype.ts'
import type { Tensor, Weights } from '../weights/weights.ts'
import { type MergeJob, modelsOf } from './job.ts'
import type { Model } from './model/model.ts'
import { bytesIn, type Piece, type Slice } from './pieces.ts'

/** Bytes of a tensor that are to be written, from the byte `from` of it on. */
export interface Merged {
  readonly name: string
  readonly from: number
  readonly bytes: Uint8Array
}

/** Merges one piece after the other by the rule of a job. */
export class Merger {
  readonly #job: MergeJob
  #pool = new WeightPool()
  /** Bytes of the last piece: if the next has as many, it is merged in the same memory. */
  #bytes = 0

  /** Whether the rule tells by itself of what is not finite: a sum with NaN or infinity in it is none itself. */
  readonly #tells: boolean

  constructor(job: MergeJob) {
    this.#job = job
    this.#tells = !ownRuleOf(job.rule) && mergeRule(job.rule).needs === 'sum'
  }

  /**
   * @param read what each model, the base last, has of the piece: memory that begins with the bytes of a slice
   * @throws FedunifyError (data) for NaN or infinity in a model; (training) if the rule fails, or makes what is none
   */
  merge(piece: Piece, read: readonly (readonly SharedArrayBuffer[])[]): Merged[] {
    const bytes = bytesIn(piece)
    if (bytes !== this.#bytes) {
      this.#pool = new WeightPool()
      this.#bytes = bytes
      tidy()
    }
    const { models, weights, rule } = this.#job
    const all = modelsOf(this.#job).map((model, i) => this.#floats(model, piece, read[i]!))
    if (!this.#tells) this.#assertFinite(piece, all)
    const merge = startMerge(rule, { pool: this.#pool, round: 1, base: all[models.length] })
    for (const [i, trainImages] of weights.entries()) merge.add({ owner: i + 1, trainImages, weights: all[i]! })
    const merged = merge.finish()
    this.#assertMerged(piece, merged, () => this.#assertFinite(piece, all))
    for (const [i, model] of modelsOf(this.#job).entries()) this.#giveBack(model, all[i]!)
    return piece.slices.map((slice) => this.#encoded(slice, merged.get(slice.name)!))
  }

  /** Takes back memory of what was merged, once it is written. */
  release(merged: readonly Merged[]): void {
    for (const { name, bytes } of merged) {
      if (this.#typeOf(name) !== 'F32') continue
      this.#pool.release(new Float32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / 4))
    }
  }

  /** The type in which a tensor is written. */
  #typeOf(name: string): FloatType {
    const { dtype, models } = this.#job
    return dtype ? FLOAT_TYPES[dtype] : (models[0]!.tensors.get(name)!.dtype as FloatType)
  }

  #floats(model: Model, { slices }: Piece, read: readonly SharedArrayBuffer[]): Weights {
    return new Map(
      slices.map(({ name, from, to }, i): [string, Tensor] => {
        const dtype = model.tensors.get(name)!.dtype as FloatType
        const values = (to - from) / floatBytes(dtype)
        const data = decodeFloats(dtype, read[i]!, values, (length) => this.#pool.floats(length))
        return [name, { shape: this.#shapeOf(name, data), data }]
      }),
    )
  }

  #assertFinite({ slices }: Piece, all: readonly Weights[]): void {
    for (const [i, model] of modelsOf(this.#job).entries()) {
      for (const { name, from } of slices) {
        const { data } = all[i]!.get(name)!
        const at = nonFiniteAt(data)
        if (at < 0) continue
        const place = from / floatBytes(model.tensors.get(name)!.dtype as FloatType) + at
        const what = `${model.name}: element ${place} of ${name} is ${data[at]}`
        throw new FedunifyError('E_MODEL_FILE', what, 'a model with NaN or infinity in it cannot be merged')
      }
    }
  }

  /** @param blame throws if it is one of the models that is not finite */
  #assertMerged({ slices }: Piece, merged: Weights, blame: () => void): void {
    for (const { name, from } of slices) {
      const { data } = merged.get(name)!
      const at = nonFiniteAt(data)
      if (at < 0) continue
      blame()
      const place = from / floatBytes(this.#job.models[0]!.tensors.get(name)!.dtype as FloatType) + at
      const what = `element ${place} of ${name} became ${data[at]}, though it is finite in all models`
      throw new FedunifyError('E_MERGE_FAILED', `merge ${choiceText(this.#job.rule)}: ${what}`)
    }
  }

  /** A block of a tensor is merged as a list. */
  #shapeOf(name: string, data: Float32Array): readonly number[] {
    const { shape, values } = this.#job.models[0]!.tensors.get(name)!
    return data.length === values ? shape : [data.length]
  }

  #giveBack(model: Model, weights: Weights): void {
    for (const [name, { data }] of weights) if (model.tensors.get(name)!.dtype !== 'F32') this.#pool.release(data)
  }

  #encoded({ name, from }: Slice, { data }: Tensor): Merged {
    const [own, dtype] = [this.#job.models[0]!.tensors.get(name)!.dtype as FloatType, this.#typeOf(name)]
    const first = from / floatBytes(own)
    const bytes = encodeFloats(dtype, data)
    const large = tooLargeAt(dtype, bytes)
    if (large >= 0) {
      const what = `element ${first + large} of ${name} became ${data[large]}, which is too large for ${nameOfType(dtype)}`
      throw new FedunifyError(
        'E_MERGE_FAILED',
        `merge ${choiceText(this.#job.rule)}: ${what}`,
        'write another type: --dtype float32',
      )
    }
    if (dtype !== 'F32') this.#pool.release(data)
    return { name, from: first * floatBytes(dtype), bytes }
  }
}

const nameOfType = (dtype: FloatType) => Object.entries(FLOAT_TYPES).find(([, type]) => type === dtype)![0]
