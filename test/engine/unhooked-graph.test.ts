import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { trainingGraph } from '../../src/engine/onnx/graph/training-graph.ts'
import { buildModel } from '../../src/model/model.ts'
import { presetLayers } from '../../src/model/presets.ts'

/**
 * SHA-256 of the reference CNN's training graphs, which hooks that are not used must not change. The runtime computes
 * what the bytes say, so equal bytes are equal bits of every run without hooks. Change these only together with what a
 * plain training computes, and say so in the changelog.
 */
const DIGESTS = [
  ['sgd', 0, 'standard', '115db54247711242d490ce2c8261fd5ff1ec3a2c5ec654b13d7d19b89f3e0c77'],
  ['sgd', 0, 'blocked', '2237db4c291ce135b4158a716e7a003024d6b37a4dafbd19e05e40ca4413e1e2'],
  ['sgd', 0, 'blocked, batches of 64', '29e9ee45afad5f0b95a49a5d3ef3658cce59f04845783ed59f3b139bb4b8c547'],
  ['sgd', 0.01, 'standard', '1903948545c286f2853f3f5e0995c51d2d2bb60d9593ae492b09606c96bb4774'],
  ['sgd', 0.01, 'blocked', 'b5fc23b2424c736d8e8a7e0d3970b44f691e31c002d1841a2d3b4c6a126c0390'],
  ['sgd', 0.01, 'blocked, batches of 64', '11773fa1b75864c8972ce6600f29ce3e0bffb76ba74cf2860046a4e1ad9c69bc'],
  ['momentum', 0, 'standard', '222ad776fc3eb4a0ac02d0de5ef15bbc7fa02d0743f94a64541773e85c17e78c'],
  ['momentum', 0, 'blocked', 'f34b3962e458d2542ad0829625b4f3e316a7786228f0ef0ef865f6382dbfce47'],
  ['momentum', 0, 'blocked, batches of 64', 'fdd65c7b1293c5a444458659c3510434d1dc78a6a22a753bc0702869af2da322'],
  ['momentum', 0.01, 'standard', '45cc0c61a681350e1cce10aff209810238b193319f657126d30cafe81a469c69'],
  ['momentum', 0.01, 'blocked', 'd6c5b6b6c01dd8c3faea809890a946a6db4e646b00653426ae88de998259f7bf'],
  ['momentum', 0.01, 'blocked, batches of 64', '5844a031b76a6ef1aad8607bc39071ea11d9b862931fcd7ba3696b1f4e64fc61'],
  ['adam', 0, 'standard', 'a43fd0d2eeca7f429f23d49f42fbebfc8f77a21edc3525ded7302a5d66c97550'],
  ['adam', 0, 'blocked', '199b58f6fe8e2e1de091aad8ffa94a97824d6662c8a50e7a2ff094d8cbd0cf53'],
  ['adam', 0, 'blocked, batches of 64', '0ad131f21f7d87ee2084a24e4d477a1a7dfa3268f1057d6f8b97f5509e6136f3'],
  ['adam', 0.01, 'standard', 'abfe845b6bba256fd9f88c1d8244439baa9d580fdeee42b27643e956d88f2ec2'],
  ['adam', 0.01, 'blocked', 'cfe9157ac72f912a03c2b406245092ea8b29597fb17aa2e3fdf2eb94a9c76fa8'],
  ['adam', 0.01, 'blocked, batches of 64', '24788dec046f23e33005eaf10729b62d7cf184be036106eb6e2ce4b80eef396d'],
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
