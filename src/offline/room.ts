import { FedunifyError } from '../errors.ts'
import { dataSize } from '../format.ts'
import { nameOf } from '../parts.ts'
import { memoryLimit } from '../system/memory-limit.ts'
import { isFloatType } from '../weights/safetensors/dtype.ts'
import { type MergeJob, modelsOf } from './job.ts'

/** How much of the memory may be taken: the system and whatever else runs need some. */
const SHARE = 0.8

/**
 * Looks whether all models fit into memory, for a rule that needs them at once.
 * @throws FedunifyError (usage) that says how much it takes
 */
export function assertRoom(job: MergeJob, limit = memoryLimit()): void {
  const floats = [...job.models[0]!.tensors.values()].filter(({ dtype }) => isFloatType(dtype))
  // Each as in its file and, if that is not so already, as float32; and what comes of them.
  const needed = floats.reduce((sum, { dtype, from, to, values }) => {
    const one = to - from + (dtype === 'F32' ? 0 : 4 * values)
    return sum + modelsOf(job).length * one + 4 * values
  }, 0)
  if (needed <= SHARE * limit) return
  throw new FedunifyError(
    'E_MEMORY',
    `merge ${nameOf(job.rule)} needs all tensors at once, so it cannot be streamed: these models take ${dataSize(needed)}, of ${dataSize(limit)} of memory`,
    'merge fewer or smaller models, or choose another rule',
  )
}
