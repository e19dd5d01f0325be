import type { Tensor as Weight } from '../../../weights/weights.ts'
import type { Device } from '../../engine.ts'
import { InferenceSession, Tensor } from './ort.ts'

/**
 * A session on one thread: with one, results are bit-equal across processes and chunk sizes; owners, not operators,
 * run in parallel. Denormals count as zero, because weights that die out would otherwise slow the processor down.
 * On a GPU the operators that it lacks run on the CPU.
 */
export function createSession(model: Uint8Array, device: Device = 'cpu'): Promise<InferenceSession> {
  return InferenceSession.create(model, {
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: device === 'cpu' ? 3 : 4,
    extra: { session: { set_denormal_as_zero: '1', intra_op: { allow_spinning: '0' } } },
  })
}

/** A weight as a session takes it: a copy if its buffer is shared, because the runtime refuses those. */
export const weightTensor = ({ shape, data }: Weight): Tensor =>
  new Tensor('float32', data.buffer instanceof SharedArrayBuffer ? data.slice() : data, shape)
