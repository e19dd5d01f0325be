import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { trainingGraph } from '../../src/engine/onnx/graph/training-graph.ts'
import { buildModel } from '../../src/model/model.ts'
import { presetLayers } from '../../src/model/presets.ts'

/**
 * SHA-256 of the reference CNN's training graphs as they were before there were hooks. The runtime computes what the
 * bytes say, so equal bytes are equal bits of every run without hooks. Change these only together with what a plain
 * training computes, and say so in the changelog.
 */
const DIGESTS = [
  ['sgd', 0, 'standard', '115db54247711242d490ce2c8261fd5ff1ec3a2c5ec654b13d7d19b89f3e0c77'],
  ['sgd', 0, 'blocked', '3af4df652a044c288deabc8f5b700ede3ef9dcd03f27d4d50fa93b39f9667152'],
  ['sgd', 0, 'blocked, batches of 64', '63b4f46ef63b3117be4e1e598ca388efdf2839f63d14c9afdcca8e93613412ba'],
  ['sgd', 0.01, 'standard', '1903948545c286f2853f3f5e0995c51d2d2bb60d9593ae492b09606c96bb4774'],
  ['sgd', 0.01, 'blocked', 'f16e9b1753c1eaf0af32c4369ca45f61fa64a0ce09991633fba1185c500033c4'],
  ['sgd', 0.01, 'blocked, batches of 64', 'ecf6330ddc560fde1d289f88d85cddafb3c0c76f2957796f5367cf1c9bb48314'],
  ['momentum', 0, 'standard', '222ad776fc3eb4a0ac02d0de5ef15bbc7fa02d0743f94a64541773e85c17e78c'],
  ['momentum', 0, 'blocked', 'c91709ff67dd57a383c50e1d830075b72aca3872e9f4f1c38467e7386345134b'],
  ['momentum', 0, 'blocked, batches of 64', '03624030ed035d458013d4071a95a28d1da42235f7c2e89a399ad0ce3f82315a'],
  ['momentum', 0.01, 'standard', '45cc0c61a681350e1cce10aff209810238b193319f657126d30cafe81a469c69'],
  ['momentum', 0.01, 'blocked', 'b34a89ef16b7eb0414971a6db32c97330712aa43c5ff27866f3f9824a1e35fee'],
  ['momentum', 0.01, 'blocked, batches of 64', 'f8288ccaf42981e7f253347fcad5fad521a340578e2e6198c39edacc79dc17ad'],
  ['adam', 0, 'standard', 'a43fd0d2eeca7f429f23d49f42fbebfc8f77a21edc3525ded7302a5d66c97550'],
  ['adam', 0, 'blocked', '687b079ce6a294efebd6631f4106a447429a39ca56a411a1da6b8b9f717da105'],
  ['adam', 0, 'blocked, batches of 64', 'c78162057b140c332b335fee3362637deb1f46014d5d283f7a013a60cbf696bd'],
  ['adam', 0.01, 'standard', 'abfe845b6bba256fd9f88c1d8244439baa9d580fdeee42b27643e956d88f2ec2'],
  ['adam', 0.01, 'blocked', 'b90b10039ed69b36f787d3d17531c79ea483afea989e4cb774205559959b7bf0'],
  ['adam', 0.01, 'blocked, batches of 64', 'f6b8aa883051ce2883d336239af65f2024416c0dcd3b5d99775c4686279086ed'],
] as const

const BLOCKS = { standard: undefined, blocked: { block: 16 }, 'blocked, batches of 64': { block: 16, batch: 64 } }

describe('a plan without hooks trains by the graph that there was before them', () => {
  const model = buildModel(presetLayers('cnn', 10), [1, 28, 28], 10)
  it.each(DIGESTS)('%s, weight decay %d, %s', (kind, weightDecay, layout, expected) => {
    const settings = { kind, momentum: 0.9, weightDecay }
    const graph = trainingGraph(model, { mean: 0.286, std: 0.353 }, settings, BLOCKS[layout])
    expect(createHash('sha256').update(graph).digest('hex')).toBe(expected)
  })
})
