import { expect, it } from 'vitest'
import { Grouped } from '../../src/engine/onnx/session/grouped.ts'
import { evaluation, weightsOf } from '../support/fake-owner.ts'
import { range } from '../support/synthetic.ts'

/** Test sets of so many images, and the sizes of the tasks that they become. */
async function tasksOf(sizes: readonly number[], models = sizes.map(() => model)) {
  const tasks: number[][] = []
  const grouped = new Grouped(async (_, sets) => {
    tasks.push(sets.map(({ length }) => length))
    return sets.map(({ length }) => evaluation(0, length))
  })
  const found = await Promise.all(sizes.map((size, i) => grouped.evaluate(models[i]!, range(0, size))))
  expect(found.map(({ images }) => images)).toEqual(sizes)
  return tasks
}

const model = weightsOf(1)

it('makes one task of small test sets, up to 64 images, and one of each large one', async () => {
  expect(await tasksOf([30, 30, 5, 1000, 60, 4, 1])).toEqual([[30, 30], [5], [1000], [60, 4], [1]])
})

it('does not mix models', async () => {
  const other = weightsOf(2)
  expect(await tasksOf([1, 2, 3], [model, other, model])).toEqual([[1, 3], [2]])
})

it('tells all of a task that fails', async () => {
  const grouped = new Grouped(() => Promise.reject(new Error('no engine')))
  const asked = [1, 2].map((size) => grouped.evaluate(model, range(0, size)))
  const settled = await Promise.allSettled(asked)
  expect(settled.map((one) => one.status === 'rejected' && one.reason.message)).toEqual(['no engine', 'no engine'])
})
