import type { FedunifyError } from '../../errors.ts'
import { decodeSafetensors } from '../../weights/safetensors.ts'
import type { Weights } from '../../weights/weights.ts'

/** Bytes of the names and shapes before the values. Read as JSON, a larger one would take many times its size. */
export const MOST_HEADER = 1_000_000

/** What an owner has named, in a line. */
export const clip = (text: string) => (text.length > 100 ? `${text.slice(0, 100)}…` : text)

export function readTensors(bytes: Uint8Array, refuse: (what: string) => FedunifyError): Weights {
  if (bytes.length < 8 || new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true) > MOST_HEADER) {
    throw refuse('is no safetensors file, or has too large a header')
  }
  try {
    return decodeSafetensors(bytes, 'update').weights
  } catch {
    throw refuse('is no safetensors file')
  }
}

/** The first tensor that is not of these names and shapes. */
export function misfit(
  weights: Weights,
  parameters: readonly { readonly name: string; readonly shape: readonly number[] }[],
  whole = 'the model',
): { what: string; tensor: string } | undefined {
  for (const { name, shape } of parameters) {
    const tensor = weights.get(name)
    if (!tensor) return { what: `has no ${name}`, tensor: name }
    if (tensor.shape.join() !== shape.join()) {
      return { what: `has ${name} of [${clip(String(tensor.shape))}], ${whole} [${shape}]`, tensor: name }
    }
  }
  const extra = [...weights.keys()].find((name) => !parameters.some((parameter) => parameter.name === name))
  return extra === undefined ? undefined : { what: `has ${clip(extra)}, which ${whole} has not`, tensor: clip(extra) }
}
