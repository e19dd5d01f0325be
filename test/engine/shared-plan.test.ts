import { expect, it } from 'vitest'
import type { ObjectiveHooks } from '../../src/engine/hooks.ts'
import { hookTensors } from '../../src/engine/onnx/session/hook-tensors.ts'
import { Tensor } from '../../src/engine/onnx/session/ort.ts'
import { lendTraining } from '../../src/engine/onnx/session/shared-plan.ts'
import { SharedMemory, type SharedWeights } from '../../src/engine/onnx/session/shared-weights.ts'
import { valuesOf, weightsOf } from '../support/fake-owner.ts'
import { plan } from '../support/learner.ts'

const lent = async (memory: SharedMemory, start: ReturnType<typeof weightsOf>, hooks?: ObjectiveHooks) => {
  let seen: { start: SharedWeights; hooks: ObjectiveHooks | undefined } | undefined
  await lendTraining(memory, start, plan(hooks && { hooks }), async (start, { hooks }) => {
    seen = { start, hooks }
  })
  return seen!
}

it('an anchor that is the start is shared once, and is the same object on the other side', async () => {
  const start = weightsOf(1, 2)
  const seen = await lent(new SharedMemory(), start, { gradient: { proximal: { mu: 0.1, anchor: start } } })
  const received = structuredClone(seen)
  expect(received.hooks!.gradient!.proximal!.anchor).toBe(received.start.weights)
  expect(received.hooks!.gradient!.proximal!.mu).toBe(0.1)
})

it('other weights of hooks have shared memory of their own, while the task lasts', async () => {
  const memory = new SharedMemory()
  const [start, anchor, shift] = [weightsOf(1, 2), weightsOf(3, 4), weightsOf(5, 6)]
  const logits = { scale: Float32Array.of(1, 2) }
  const { hooks, ...seen } = await lent(memory, start, { gradient: { proximal: { mu: 0.1, anchor }, shift }, logits })
  const all = [seen.start.weights, hooks!.gradient!.proximal!.anchor, hooks!.gradient!.shift!]
  expect(all.map(valuesOf)).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ])
  const buffers = all.map((weights) => weights.get('w')!.data.buffer)
  for (const buffer of buffers) expect(buffer).toBeInstanceOf(SharedArrayBuffer)
  expect(new Set(buffers).size).toBe(3)
  expect(hooks!.logits).toBe(logits)
  // Afterwards their memory takes the next ones.
  const next = await lent(memory, weightsOf(7, 8), { gradient: { shift: weightsOf(9, 10) } })
  expect(buffers).toContain(next.hooks!.gradient!.shift!.get('w')!.data.buffer)
})

it('a teacher that is the start is the same object on the other side, and another one is shared', async () => {
  const [start, other] = [weightsOf(1, 2), weightsOf(3, 4)]
  const memory = new SharedMemory()
  const same = structuredClone(await lent(memory, start, { teacher: { beta: 1, weights: start } }))
  expect(same.hooks!.teacher!.weights).toBe(same.start.weights)
  const { hooks } = await lent(memory, start, { teacher: { beta: 2, weights: other } })
  expect([hooks!.teacher!.beta, valuesOf(hooks!.teacher!.weights)]).toEqual([2, [3, 4]])
})

it('a plan without hooks goes as it is', async () => {
  expect((await lent(new SharedMemory(), weightsOf(1, 2))).hooks).toBeUndefined()
})

it('in the thread an anchor that is the start takes the tensors of the start', () => {
  const [start, other] = [weightsOf(1, 2), weightsOf(1, 2)]
  const tensors = { w: new Tensor('float32', Float32Array.of(1, 2), [2]) }
  const inputs = (anchor: typeof start) => hookTensors({ gradient: { proximal: { mu: 1, anchor } } }, 2, start, tensors)
  expect(inputs(start)['anchor.w']).toBe(tensors.w)
  expect(inputs(other)['anchor.w']).not.toBe(tensors.w)
})
