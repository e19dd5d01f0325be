import { describe, expect, it } from 'vitest'
import type { Layer } from '../../src/model/layers.ts'
import type { Model } from '../../src/model/model.ts'
import { presetLayers } from '../../src/model/presets.ts'
import { B, MODELS as BLOCKED, block } from '../support/blocked-models.ts'
import { conv, dense, etf, flatten, pool, relu } from '../support/layers.ts'
import { relativeError } from '../support/numbers.ts'
import { clippedInPlainCode, openRecords, singleGradients, someImages } from '../support/records.ts'
import { range } from '../support/synthetic.ts'

const targets = [{ name: 'standard', target: {} }, ...(block ? [{ name: 'blocked', target: { block } }] : [])]

const only = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, BLOCKED[name]!]))

/** Every way through the layers that a blocked or a standard graph takes. */
const MODELS: Record<string, [layers: readonly Layer[], input: Model['input']]> = {
  'dense layers alone': [presetLayers('mlp', 10), [1, 5, 5]],
  cnn: [presetLayers('cnn', 10), [1, 12, 12]],
  'cnn on an odd image': [presetLayers('cnn', 10), [1, 11, 13]],
  'cnn-small': [presetLayers('cnn-small', 10), [1, 9, 9]],
  'cnn-small-etf': [presetLayers('cnn-small-etf', 10), [1, 9, 9]],
  ...only(['channels that fit no block between others that do', 'a first layer that fits no block']),
  'colours, an even kernel, no padding': [
    [conv(B, 4, 'valid'), relu, pool(3), conv(B, 2), pool(2), flatten, dense(12), etf(10, false)],
    [3, 14, 13],
  ],
}

describe.each(Object.entries(MODELS))('the sum of clipped gradients of %s', (_, [layers, input]) => {
  const images = someImages(layers, input)
  // More than a batch, and no whole number of them.
  const indices = range(0, 37)

  it('is that of the gradients of single images, each clipped in plain code, in either layout', async () => {
    const singles = await singleGradients(images, indices)
    const norms = singles.map(({ norm }) => norm).sort((a, b) => a - b)
    const lossSum = singles.reduce((all, single) => all + single.loss, 0)
    // None is clipped, half of them are, all of them are.
    for (const clip of [2 * norms.at(-1)!, norms[18]!, norms[0]! / 3]) {
      const expected = clippedInPlainCode(singles, clip)
      for (const { name: layout, target } of targets) {
        const { sum, loss } = await (await openRecords(images, clip, target)).clippedSum(indices)
        expect([...sum.keys()]).toEqual([...expected.keys()])
        for (const [name, values] of expected) {
          expect(relativeError(sum.get(name)!.data, values), `${name}, clip ${clip}, ${layout}`).toBeLessThan(1e-5)
        }
        expect(Math.abs(loss - lossSum)).toBeLessThan(1e-5 * lossSum)
      }
    }
  })
})
