import { InferenceSession } from 'onnxruntime-node'

/**
 * A session on one thread: with one, results are bit-equal across processes and chunk sizes; owners, not operators,
 * run in parallel. Denormals count as zero, because weights that die out would otherwise slow the processor down.
 */
export function createSession(model: Uint8Array): Promise<InferenceSession> {
  return InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: { session: { set_denormal_as_zero: '1', intra_op: { allow_spinning: '0' } } },
  })
}
