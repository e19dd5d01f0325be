import { describe, expect, it } from 'vitest'
import { failure } from '../../src/engine/training/failure.ts'
import { plan } from '../support/learner.ts'

describe('a failure of the runtime', () => {
  it.each([
    'OOM when allocating tensor with shape[64,32,28,28]',
    'Failed to allocate memory for requested buffer of size 8589934592',
    'Array buffer allocation failed',
    'CUDNN_STATUS_ALLOC_FAILED',
    'CUDA_ERROR_OUT_OF_MEMORY: out of memory',
    'ResourceExhaustedError: OOM',
  ])('of memory says what to lower: %s', (message) => {
    const cause = new Error(`${message}\nand a trace`)
    const error = failure('tfjs', plan({ batch: 512 }), cause)
    expect(error).toMatchObject({
      kind: 'training',
      message: `owner 3, round 2: the tfjs engine failed: ${message}`,
      hint: 'lower the batch size (it was 512)',
      cause,
    })
  })

  it('of another kind has no hint', () => {
    expect(failure('onnx', plan(), 'a broom in the wheels')).toMatchObject({
      message: 'owner 3, round 2: the onnx engine failed: a broom in the wheels',
      hint: undefined,
    })
  })
})
