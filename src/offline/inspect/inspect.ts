import { bytesOf } from '../../weights/safetensors/dtype.ts'
import type { Metadata } from '../../weights/safetensors/header.ts'
import { numbersOf } from '../../weights/safetensors/numbers.ts'
import { BLOCK_BYTES } from '../intake.ts'
import { closeModels, type ModelTensor, openModel } from '../model/model.ts'
import { Gathered, type Statistics } from './statistics.ts'

/** A tensor as it is listed. */
export interface InspectedTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly values: number
  readonly bytes: number
  /** Undefined for a type whose values are not read. */
  readonly statistics: Statistics | undefined
}

/** A model as it is listed. */
export interface Inspection {
  readonly name: string
  readonly files: readonly { readonly path: string; readonly bytes: number }[]
  readonly metadata: Metadata
  readonly tensors: readonly InspectedTensor[]
  /** Of all tensors whose values are read. */
  readonly total: Statistics
}

/**
 * Reads a model piece by piece, and says what is in it.
 * @throws FedunifyError (data) if it is none; the signal's reason if it was aborted
 */
export async function inspectModel(named: string, signal: AbortSignal): Promise<Inspection> {
  const model = await openModel(named)
  try {
    const all = new Gathered()
    const tensors: InspectedTensor[] = []
    const memory = new ArrayBuffer(BLOCK_BYTES)
    for (const tensor of model.tensors.values()) {
      const gathered = await gather(tensor, memory, signal)
      if (gathered) all.join(gathered)
      const { name, dtype, shape, values, from, to } = tensor
      tensors.push({ name, dtype, shape, values, bytes: to - from, statistics: gathered?.statistics })
    }
    const files = model.files.map(({ path, size }) => ({ path, bytes: size }))
    return { name: named, files, metadata: model.metadata, tensors, total: all.statistics }
  } finally {
    await closeModels([model])
  }
}

async function gather(
  { dtype, from, to, file }: ModelTensor,
  memory: ArrayBuffer,
  signal: AbortSignal,
): Promise<Gathered | undefined> {
  if (!numbersOf(dtype, memory, 0)) return undefined
  const gathered = new Gathered()
  const each = bytesOf(dtype, 1)
  for (let at = from; at < to; at += BLOCK_BYTES) {
    signal.throwIfAborted()
    const end = Math.min(at + BLOCK_BYTES, to)
    await file.read(at, end, memory)
    gathered.add(numbersOf(dtype, memory, (end - at) / each)!)
  }
  return gathered
}
