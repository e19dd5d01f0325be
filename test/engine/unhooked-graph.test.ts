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
  ['sgd', 0, 'blocked', '2c5e9164aadd5749435327fb137b5756b60df900584c099c3b51046a193da471'],
  ['sgd', 0, 'blocked, batches of 64', '34e9de576d78c6f2b7bb285314ba874f00881524df2d17df0c0405c922acd87b'],
  ['sgd', 0.01, 'standard', '1903948545c286f2853f3f5e0995c51d2d2bb60d9593ae492b09606c96bb4774'],
  ['sgd', 0.01, 'blocked', 'e9007d9af808122ae9ce0bac9f74df04d66b115ca1fcfdd418878c866342167d'],
  ['sgd', 0.01, 'blocked, batches of 64', 'd4c23e7aea2bcfcec2e259f4d852dec707142c3b98381e31bfa808daa3f5f981'],
  ['momentum', 0, 'standard', '222ad776fc3eb4a0ac02d0de5ef15bbc7fa02d0743f94a64541773e85c17e78c'],
  ['momentum', 0, 'blocked', 'bcb36af1f99f1d5b982a043faf66dbc0d6d4cb9be5b75ab00e09fd4fe7e05fa6'],
  ['momentum', 0, 'blocked, batches of 64', 'ba00af075765a32504b9b96b7171c2ace9eee560403b5588ec4eea34de238adc'],
  ['momentum', 0.01, 'standard', '45cc0c61a681350e1cce10aff209810238b193319f657126d30cafe81a469c69'],
  ['momentum', 0.01, 'blocked', 'd5b70e803632d5d9492e585e6a7a14ac99c8afa79475cec1bed2a42985c81a59'],
  ['momentum', 0.01, 'blocked, batches of 64', '17230f0a82193b3a715b294f5a6c2c2589695212aeeefe7ba82e400f8b5627ef'],
  ['adam', 0, 'standard', 'a43fd0d2eeca7f429f23d49f42fbebfc8f77a21edc3525ded7302a5d66c97550'],
  ['adam', 0, 'blocked', 'c8444598d307e4c3c38d8fd316df2b4be117b6a79d01f4c9a0477dbd0adc7fa1'],
  ['adam', 0, 'blocked, batches of 64', '6bdc58c27ca53084923e742236af6c2d607d844aca21f7a9e848d23c900c4afc'],
  ['adam', 0.01, 'standard', 'abfe845b6bba256fd9f88c1d8244439baa9d580fdeee42b27643e956d88f2ec2'],
  ['adam', 0.01, 'blocked', '328809be4914e42a16ca2ef9ab2d76705cec99d9f16d5935fd2eb012b56ed926'],
  ['adam', 0.01, 'blocked, batches of 64', '1cf5ac9175377c9e39271ff649fef2a732f018c033b1337fce3055b212f5c731'],
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
