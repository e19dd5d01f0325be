import { FedunifyError } from '../../errors.ts'
import type { Model } from './model.ts'

/** Differences that are told. */
const MOST = 20

/**
 * Models that are merged, and the base, have the same tensors.
 * @throws FedunifyError (data) with the differences of names, shapes and types from the first model
 */
export function assertAlike([first, ...others]: readonly Model[]): void {
  const all = others.flatMap((other) => differences(first!, other))
  if (all.length > 0) throw listed('the models do not have the same tensors', all)
}

function differences(first: Model, other: Model): string[] {
  const from = (model: Model, name: string) => `${name} is missing in ${model.name}`
  const shared = [...first.tensors.values()].flatMap(({ name, dtype, shape }) => {
    const tensor = other.tensors.get(name)
    if (!tensor) return [from(other, name)]
    const of = (type: string, sides: readonly number[]) => `${type} [${sides.join(', ')}]`
    const [one, two] = [of(dtype, shape), of(tensor.dtype, tensor.shape)]
    return one === two ? [] : [`${name} is ${one} in ${first.name} and ${two} in ${other.name}`]
  })
  const more = [...other.tensors.keys()].filter((name) => !first.tensors.has(name))
  return [...shared, ...more.map((name) => from(first, name))]
}

/** An error with a list of reasons, of which the first ones are told. */
export function listed(what: string, reasons: readonly string[]): FedunifyError {
  const more = reasons.length > MOST ? [`and ${reasons.length - MOST} more`] : []
  return new FedunifyError('E_MODEL_FILE', what, [...reasons.slice(0, MOST), ...more])
}
