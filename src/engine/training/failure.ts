import { FedunifyError, messageOf } from '../../errors.ts'
import type { TrainPlan } from '../engine.ts'

export interface Diverged {
  /** The first tensor that is not finite, or `loss` where only that is. */
  readonly tensor: string
  readonly value: number
  /** Updates done when it was seen. */
  readonly step: number
}

export function divergence({ owner, name, round, lr }: TrainPlan, { tensor, value, step }: Diverged): FedunifyError {
  return new FedunifyError(
    'E_DIVERGED',
    `${name}, round ${round}: ${tensor} became ${value} by step ${step}: the training diverged`,
    `lower the learning rate (lr was ${lr} in this round)`,
    { owner, round, tensor },
  )
}

/** What to say where the runtime itself failed while it trained for `plan`. */
export function failure(engine: string, { owner, name, round, batch }: TrainPlan, error: unknown): FedunifyError {
  const message = messageOf(error)
  const memory = /alloc|memory|\bOOM\b/i.test(message)
  return new FedunifyError(
    memory ? 'E_ENGINE_MEMORY' : 'E_ENGINE_FAILED',
    `${name}, round ${round}: the ${engine} engine failed: ${message.split('\n')[0]}`,
    memory ? `lower the batch size (it was ${batch})` : undefined,
    { cause: error, owner, round },
  )
}
