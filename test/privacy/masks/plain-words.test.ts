import { expect, it } from 'vitest'
import { maskWords } from '../../../src/privacy/masks/plain-words.ts'

const classNames = ['shirt', 'shoe', 'bag']
const setting = { owners: 2, range: 4, threshold: undefined, classNames, testSeed: undefined }
const labels = (...counts: number[][]) => counts.map((one, i) => ({ owner: i + 1, counts: one }))

it('says what masks do in a run of two owners with labels of their own', () => {
  expect(maskWords({ ...setting, labels: labels([5, 0, 1], [0, 5, 1]) })).toEqual([
    // 4 / (2^30 - 1)
    'Masked sums: the server learns the sum of the updates of all 2 owners, and nothing else of one. A change has 31 bits; a level is 3.7e-9.',
    'Masks protect the two owners from the server alone: the sum less its own update tells each the update of the other.',
    "Owner 1 alone has shirt, owner 2 alone has shoe: how the last layer changes for such a class shows one owner's part, in the sum too.",
  ])
})

it('says what the sums for a head tell', () => {
  const [, , sums, , own] = maskWords({ ...setting, labels: labels([5, 0, 1], [0, 5, 1]), head: true })
  expect(sums).toBe(
    "The head's sums are masked too, by keys of their own: the server learns those of all owners together, among them the images of each class.",
  )
  expect(own).toBe("Of such a class the head's sums show how many images that owner has, and their mean features.")
  const alike = maskWords({ ...setting, labels: labels([1, 1, 1], [2, 2, 2]), head: true })
  expect(alike).toHaveLength(3)
})

it('leaves out what does not hold', () => {
  const all = labels([1, 1, 1], [2, 2, 2], [3, 3, 3])
  const words = maskWords({ ...setting, owners: 3, threshold: 2, labels: all, testSeed: 7 })
  expect(words.map((line) => line.split(/[:;]/)[0])).toEqual([
    'Masked sums',
    'Each owner can work out the sum of the other 2',
    'Masks are drawn from insecure-test-seed 7',
  ])
  expect(words[0]).toContain('at least 2 of 3 owners')
  // Of owners that keep their counts to themselves nothing is said.
  expect(maskWords({ ...setting, labels: labels([5, 0, 1], []) }).join()).not.toContain('alone has')
})
