import { FedunifyError } from '../errors.ts'
import { misfit } from '../federation/nats/read-tensors.ts'
import { mostOfUpdate } from '../federation/nats/read-update.ts'
import type { Model } from '../model/model.ts'
import { decodeSafetensors } from '../weights/safetensors.ts'
import { firstNonFinite, type Weights } from '../weights/weights.ts'

/** What an owner is sent: a model, what its local objective is told with one, or another last layer for it. */
export type Kind = 'model' | 'instruction' | 'head'

/** What an owner has built of the experiment itself. */
export interface Expected {
  readonly model: Model
  /** The tensors of a last layer that is fitted; undefined if none is. */
  readonly head: readonly { readonly name: string; readonly shape: readonly number[] }[] | undefined
}

/** Bytes that it may have: more is refused before there is memory for it. */
export const mostOf = (kind: Kind, { model, head }: Expected): number =>
  mostOfUpdate({ parameters: kind === 'head' ? (head ?? []) : model.parameters, sends: kind === 'instruction' })

/**
 * Weights that the server sent, checked against the model that this owner has built of the experiment itself.
 * @throws FedunifyError (training) if they are of another model, or not finite
 */
export function readReceived(kind: Kind, bytes: Uint8Array, { model, head = [] }: Expected): Weights {
  const { weights } = decodeSafetensors(bytes, `the ${kind}`)
  const refuse = (what: string, tensor: string) =>
    new FedunifyError('E_OWNER_REFUSED', `the ${kind} that the server sent ${what}`, 'nothing was trained', { tensor })
  const parts = { model: model.parameters, instruction: undefined, head }[kind]
  const fault = parts && misfit(weights, parts, `the ${kind}`)
  if (fault) throw refuse(fault.what, fault.tensor)
  const bad = firstNonFinite(weights)
  if (bad) throw refuse(`holds ${bad.value} in ${bad.tensor}`, bad.tensor)
  return weights
}
