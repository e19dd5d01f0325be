import { expect, it } from 'vitest'
import { soleClasses } from '../../src/privacy/sole-classes.ts'

const labels = (...counts: number[][]) => counts.map((one, i) => ({ owner: i + 1, counts: one }))

it('are those of which one owner alone has images', () => {
  expect(soleClasses(labels([5, 0, 1, 0], [0, 5, 1, 0], [0, 2, 0, 7]))).toEqual([
    { owner: 1, classes: [0] },
    { owner: 3, classes: [3] },
  ])
})

it('are not known if an owner does not tell what it has', () => {
  expect(soleClasses(labels([5, 0], []))).toEqual([])
  expect(soleClasses([])).toEqual([])
})
