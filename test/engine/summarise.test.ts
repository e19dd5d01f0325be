import { expect, it } from 'vitest'
import { addImages, noStatistics } from '../../src/engine/head-statistics.ts'
import { gather } from '../../src/engine/training/gather.ts'
import { initialWeights } from '../../src/model/init.ts'
import { DATASET, job, NORMALISE, open } from '../support/learner.ts'
import { range } from '../support/synthetic.ts'
import { openTfjs } from '../support/tfjs-learner.ts'

const start = initialWeights(job().model, 1)

it('both engines sum the same features, in two threads as in one', async () => {
  const indices = range(10, 310)
  const [one, two, tfjs] = [await open(), await open({ workers: 2 }), await openTfjs()]
  const sums = await one.summarise(start, indices)
  expect(sums).toMatchObject({ images: 300, size: 6 * 6 * 4 + 1, classes: 4 })
  expect(await two.summarise(start, indices)).toEqual(sums)
  const { gram, cross } = await tfjs.summarise(start, indices)
  const largest = gram.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  for (const [i, value] of gram.entries()) expect(Math.abs(value - sums.gram[i]!)).toBeLessThan(largest * 1e-6)
  for (const [i, value] of cross.entries()) expect(Math.abs(value - sums.cross[i]!)).toBeLessThan(largest * 1e-6)
})

it('they are sums of what the last layer sees', async () => {
  const { dataset, model } = job()
  // Of an identity in the convolution's place, the features are the pooled grey values.
  const identity = new Map([...start].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]))
  const kernel = identity.get('conv1.weight')!.data.fill(0)
  for (let f = 0; f < 4; f++) kernel[f * 9 + 4] = 1
  identity.get('conv1.bias')!.data.fill(0)
  const indices = range(0, 7)
  const { images, labels } = gather(DATASET, indices)
  const features = new Float32Array(7 * 144)
  for (let i = 0; i < 7; i++) {
    for (let k = 0; k < 144; k++) {
      const [row, col] = [Math.floor((k % 36) / 6) * 2, (k % 6) * 2]
      const at = (r: number, c: number) => (images[i * 144 + r * 12 + c]! / 255 - NORMALISE.mean) / NORMALISE.std
      const most = Math.max(at(row, col), at(row, col + 1), at(row + 1, col), at(row + 1, col + 1))
      features[i * 144 + k] = Math.max(0, most)
    }
  }
  const wanted = addImages(noStatistics(144, dataset.classes), features, labels)
  const sums = await (await open({ model })).summarise(identity, indices)
  for (const [i, value] of wanted.gram.entries()) expect(sums.gram[i]).toBeCloseTo(value, 3)
  for (const [i, value] of wanted.cross.entries()) expect(sums.cross[i]).toBeCloseTo(value, 3)
})
