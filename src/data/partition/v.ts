import { z } from 'zod'
import { shuffle, stream } from '../../random.ts'
import { cut, testCount, tooManyOwners } from './split.ts'
import type { PartitionPart, Split } from './types.ts'

/** Environment V: everybody has every label. 70,000 images and two owners give 30,000 + 5,000 each. */
export const V = {
  summary: 'all images shuffled, 6/7 train and 1/7 test, each cut equally over the owners',
  source: 'Lee 2021, environment V (doi:10.9708/jksci.2021.26.12.069)',
  options: z.strictObject({}),
  make: () => ({ split }),
} satisfies PartitionPart

const split: Split = (_labels, { seed, owners, indices }) => {
  const count = indices.length
  const tests = testCount(count)
  const trains = count - tests
  if (Math.min(tests, trains) < owners) {
    throw tooManyOwners('V', owners, count, `${trains} to train and ${tests} to test, to be shared`)
  }
  const shuffled = shuffle(indices.slice(), stream(seed, 'partition'))
  const train = shuffled.subarray(0, trains)
  const test = shuffled.subarray(trains)
  return Array.from({ length: owners }, (_, i) => ({
    owner: i + 1,
    train: cut(train, i, owners),
    test: cut(test, i, owners),
  }))
}
