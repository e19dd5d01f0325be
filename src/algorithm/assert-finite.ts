import { FedunifyError } from '../errors.ts'
import { firstNonFinite, type Weights } from '../weights/weights.ts'

/**
 * @param what made the model, such as merge avg
 * @returns the model
 * @throws FedunifyError (training) naming the first value that is not finite
 */
export function assertFinite(model: Weights, round: number, what: string): Weights {
  const bad = firstNonFinite(model)
  if (!bad) return model
  const message = `round ${round}: ${what} made ${bad.tensor} ${bad.value}`
  throw new FedunifyError('E_DIVERGED', message, 'lower the lr', { round, tensor: bad.tensor })
}
