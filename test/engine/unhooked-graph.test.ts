import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { trainingGraph } from '../../src/engine/onnx/graph/training-graph.ts'
import { buildModel } from '../../src/model/model.ts'
import { presetLayers } from '../../src/model/presets.ts'

/**
 * SHA-256 of the reference CNN's training graphs, which hooks that are not used must not change. The runtime computes
 * what the bytes say, so equal bytes are equal bits of every run without hooks. Change these only together with what a
 * plain training computes, or with the order in which it does, and say so in the changelog.
 */
const DIGESTS = [
  ['sgd', 0, 'standard', '1e00e0429970c1f4614eec0059edda5446708f96aae679f15ba606cc73b1bc33'],
  ['sgd', 0, 'blocked', '2f1d1e063ecfc6d778c61961fce60e153fd37a46ba1974229cf5bf3bd0349026'],
  ['sgd', 0, 'blocked, batches of 64', 'fcdc517e6582ddd15c6162c66049e757d7ef43e61b8bd7ee6049357e105786d8'],
  ['sgd', 0.01, 'standard', '4c5ef6bd42bb0ffd6400320ff56c306c0c147eff19d3d34b67163cdf43ab0414'],
  ['sgd', 0.01, 'blocked', '6935b71a095fa6bfdee434abe1ef7d442c1e2792b96e9eab55477a283f136669'],
  ['sgd', 0.01, 'blocked, batches of 64', 'ee7c008a81322203d62b131e36cb7047c5c4b25e719d0d07ea088b98d555a3d8'],
  ['momentum', 0, 'standard', '9c7d6620b1904fad89e512ecf82df25556518abe2dcac41e19b3a9a6a1f08b93'],
  ['momentum', 0, 'blocked', 'fffce813b4c12ad24095e38eef876d1ee59b1eb547b235f026771e9a9c2e9a28'],
  ['momentum', 0, 'blocked, batches of 64', 'c2384483bbb0bf2c7549da95e8a7e7fac42f8e30cf6d72f483a7eea7e742a13d'],
  ['momentum', 0.01, 'standard', 'ee7a1b3610c4c5a990404f5a96228af7bcd7718b01952daa5ee32dff260a2fc9'],
  ['momentum', 0.01, 'blocked', '0b6e2d4da4a60fe8490e87cf5fa296fe7e2253e77ddbc55b0a85e39b5dfd4daf'],
  ['momentum', 0.01, 'blocked, batches of 64', '0afb105ca139156c4f2c8cc80896e95f4dde0829546012c3f4978c5b313ff71c'],
  ['adam', 0, 'standard', '370b004fda1e817f5f7c2be0e341f5850f7aa10134b09b32e779be876895190d'],
  ['adam', 0, 'blocked', 'f197cfa7dc53fd9a1700c38018d04434ef83b695e7a153f753fa0adcd2d3a68b'],
  ['adam', 0, 'blocked, batches of 64', '7891efb5aaecbb49dd04b43a3f66bbe69ca68f966cd739b5fa482ac8f3c4550a'],
  ['adam', 0.01, 'standard', 'cbb4c34fa38bd628a5459b34bb492727266b5298b3b6ed2df052c95f23a5cf40'],
  ['adam', 0.01, 'blocked', 'ed535bc676856b3169336285e6d8d9345d4e373ccd5d1e49c61d64b757b9dbb2'],
  ['adam', 0.01, 'blocked, batches of 64', '23387d731b60a2095ef37439648608e5bdfacdc19d51caf41177397c82ea1d37'],
] as const

const BLOCKS = { standard: undefined, blocked: { block: 16 }, 'blocked, batches of 64': { block: 16, batch: 64 } }

describe('a plan without hooks trains by a graph without a trace of them', () => {
  const model = buildModel(presetLayers('cnn', 10), [1, 28, 28], 10)
  it.each(DIGESTS)('%s, weight decay %d, %s', (kind, weightDecay, layout, expected) => {
    const settings = { kind, momentum: 0.9, weightDecay }
    const graph = trainingGraph(model, { mean: 0.286, std: 0.353 }, settings, BLOCKS[layout])
    expect(createHash('sha256').update(graph).digest('hex')).toBe(expected)
  })
})
