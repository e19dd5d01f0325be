import { FedunifyError } from '../errors.ts'
import { misfit, mostOfUpdate } from '../federation/nats/read-update.ts'
import type { Model } from '../model/model.ts'
import { decodeSafetensors } from '../weights/safetensors.ts'
import { firstNonFinite, type Weights } from '../weights/weights.ts'

/** What an owner is sent: a model, or what its local objective is told with one. */
export type Kind = 'model' | 'instruction'

/** Bytes that it may have: more is refused before there is memory for it. */
export const mostOf = (kind: Kind, { parameters }: Model): number =>
  mostOfUpdate({ parameters, sends: kind === 'instruction' })

/**
 * Weights that the server sent, checked against the model that this owner has built of the experiment itself.
 * @throws FedunifyError (training) if they are of another model, or not finite
 */
export function readReceived(kind: Kind, bytes: Uint8Array, { parameters }: Model): Weights {
  const { weights } = decodeSafetensors(bytes, `the ${kind}`)
  const refuse = (what: string, tensor: string) =>
    new FedunifyError('E_OWNER_REFUSED', `the ${kind} that the server sent ${what}`, 'nothing was trained', { tensor })
  const fault = kind === 'model' ? misfit(weights, parameters) : undefined
  if (fault) throw refuse(fault.what, fault.tensor)
  const bad = firstNonFinite(weights)
  if (bad) throw refuse(`holds ${bad.value} in ${bad.tensor}`, bad.tensor)
  return weights
}
