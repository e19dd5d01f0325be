import { expect, it } from 'vitest'
import { SharedMemory, type SharedWeights } from '../../src/engine/onnx/session/shared-weights.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { valuesOf, weightsOf } from '../support/fake-owner.ts'

/** A task that reads the weights until it is told to end. */
function reader(memory: SharedMemory, weights: Weights) {
  let shared: SharedWeights | undefined
  let resolve = () => {}
  const done = memory.lend(weights, (lent) => {
    shared = lent
    return new Promise<void>((end) => {
      resolve = end
    })
  })
  const end = () => {
    resolve()
    return done
  }
  return { shared: shared!, data: shared!.weights.get('w')!.data, end }
}

it('shares the same weights once', async () => {
  const memory = new SharedMemory()
  const weights = weightsOf(1, 2)
  const [one, other] = [reader(memory, weights), reader(memory, weights)]
  expect(one.data.buffer).toBeInstanceOf(SharedArrayBuffer)
  expect(valuesOf(one.shared.weights)).toEqual([1, 2])
  expect(other.shared).toBe(one.shared)
  await Promise.all([one.end(), other.end()])
  expect(reader(memory, weights).shared).toBe(one.shared)
})

it('puts others in their place once no task reads them, however it ended, and not before', async () => {
  const memory = new SharedMemory()
  const first = reader(memory, weightsOf(1, 2))
  const second = reader(memory, weightsOf(3, 4))
  expect(second.data.buffer).not.toBe(first.data.buffer)
  expect(valuesOf(first.shared.weights)).toEqual([1, 2])
  await first.end()
  const third = reader(memory, weightsOf(5, 6))
  expect(third.data.buffer).toBe(first.data.buffer)
  expect(third.shared.id).not.toBe(first.shared.id)
  expect(valuesOf(third.shared.weights)).toEqual([5, 6])
  expect(valuesOf(second.shared.weights)).toEqual([3, 4])
  await second.end()

  const failed = memory.lend(weightsOf(7, 8), () => Promise.reject(new Error('lost')))
  await expect(failed).rejects.toThrow('lost')
  expect(reader(memory, weightsOf(9, 10)).data.buffer).toBe(second.data.buffer)
})

it('has other memory for weights of another shape', async () => {
  const memory = new SharedMemory()
  const two = reader(memory, weightsOf(1, 2))
  await two.end()
  const three = reader(memory, weightsOf(1, 2, 3))
  expect(valuesOf(three.shared.weights)).toEqual([1, 2, 3])
  expect(three.data.buffer).not.toBe(two.data.buffer)
})
