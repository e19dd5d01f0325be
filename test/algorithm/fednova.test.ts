import { describe, expect, it } from 'vitest'
import { valuesOf, weightsOf } from '../support/fake-owner.ts'
import { defined, mergeOf } from '../support/merging.ts'
import { type Plain, plainRounds, type Slope } from '../support/plain-owners.ts'

const owner = (owner: number, values: number[], trainImages: number, steps: number) => ({
  owner,
  trainImages,
  steps,
  weights: weightsOf(...values),
})

describe('fednova', () => {
  const base = weightsOf(1, 1)
  const two = [owner(1, [3, 1], 1, 2), owner(2, [1, 9], 3, 4)]

  it('adds up the changes in units of steps, times the mean number of steps', () => {
    // p 1/4 and 3/4, mean steps 1/2 + 3 = 3.5: 1 + 3.5 * 1/4 * 2/2 and 1 + 3.5 * 3/4 * 8/4.
    for (const made of [defined('fednova', two, {}, base), mergeOf('fednova', two, {}, base).get('w')!.data]) {
      expect([...made]).toEqual([1.875, 6.25])
    }
    // p 1/2, mean steps 3.
    expect([...defined('fednova', two, { weights: 'equal' }, base)]).toEqual([2.5, 4])
  })

  it('is the mean of owners with equal steps', () => {
    const same = two.map((one) => ({ ...one, steps: 7 }))
    const [fednova, mean] = [mergeOf('fednova', same, {}, base), mergeOf('weighted-avg', same)].map(valuesOf)
    for (const [i, value] of fednova!.entries()) expect(value).toBeCloseTo(mean![i]!, 6)
  })

  it('says of whom it does not know the steps', () => {
    const unknown = [two[0]!, { ...two[1]!, steps: undefined }]
    expect(() => mergeOf('fednova', unknown, {}, base)).toThrow(/nothing is known of how many steps owner 2 went/)
  })
})

describe('rounds of owners with different numbers of steps', () => {
  // Constant gradients -1 and 1, so that owners go as far as their steps.
  const slopes: Slope[] = [() => [-1], () => [1]]
  const end = async (given: Partial<Plain>) => {
    const run = { slopes, steps: [8, 2], lr: 0.5, rounds: 1 }
    return (await plainRounds({ ...run, ...given }))[0]!.model[0]!
  }

  it('go where the owner with more steps goes, by avg', async () => {
    expect(await end({})).toBeCloseTo((0.5 * (8 - 2)) / 2, 6)
  })

  it('do not, by fednova: equal gradients count the same', async () => {
    const training = { batch: 1, optimizer: 'sgd' as const }
    expect(await end({ ...training, merge: [{ fednova: { weights: 'equal' } }] })).toBeCloseTo(0, 6)
    // By images, which are as many as steps here: 0.5 * 6.8 * (0.8 - 0.2), with 0.8 * 8 + 0.2 * 2 = 6.8.
    expect(await end({ ...training, merge: [{ fednova: { weights: 'images' } }] })).toBeCloseTo(2.04, 6)
  })

  it('nor with momentum, whose steps go further the more there are', async () => {
    const training = { batch: 1, momentum: 0.5, optimizer: { momentum: { momentum: 0.5 } } }
    expect(await end({ ...training, merge: [{ fednova: { weights: 'equal' } }] })).toBeCloseTo(0, 6)
  })
})
