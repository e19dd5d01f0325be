import { expect, it } from 'vitest'
import { holdOut } from '../../src/data/partition/hold-out.ts'
import { range } from '../../src/random.ts'

const shard = (owner: number, images: number) => ({ owner, train: range(images), test: Uint32Array.of(900, 901) })
const all = ({ train, test }: { train: Uint32Array; test: Uint32Array }) => [...train, ...test].sort((a, b) => a - b)

it('tests on a share of the training images, which are no longer trained on; the test images have no part', () => {
  const held = holdOut(shard(1, 50), 0.1, 7)
  expect([held.owner, held.train.length, held.test.length]).toEqual([1, 45, 5])
  expect(all(held)).toEqual([...range(50)])
})

it('draws anew for each owner and seed, and the same for the same', () => {
  const tested = (owner: number, seed: number) => [...holdOut(shard(owner, 50), 0.1, seed).test]
  expect(tested(1, 7)).toEqual(tested(1, 7))
  expect(tested(1, 7)).not.toEqual(tested(2, 7))
  expect(tested(1, 7)).not.toEqual(tested(1, 8))
})

it.each([
  [50, 0.001, 1],
  [50, 0.5, 25],
  [5, 0.3, 2],
  [2, 0.5, 1],
])('of %i images and a share of %f it holds out %i', (images, share, held) => {
  expect(holdOut(shard(1, images), share, 0).test).toHaveLength(held)
})

it('leaves an image to train on', () => {
  expect(() => holdOut(shard(3, 2), 0.8, 0)).toThrow('validation 0.8 leaves owner 3 none of its 2 images to train on')
  expect(() => holdOut(shard(1, 1), 0.1, 0)).toThrow('validation 0.1 leaves owner 1 none of its 1 images to train on')
})
