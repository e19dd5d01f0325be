import { inflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { inputOfOne, inputsByUnit } from '../../src/audit/inversion/closed-form.ts'
import { greysOf } from '../../src/audit/inversion/greys.ts'
import { meanError, psnr } from '../../src/audit/inversion/likeness.ts'
import { labelsOfUpdate } from '../../src/audit/labels/labels-of-update.ts'
import { lira } from '../../src/audit/membership/lira.ts'
import { confidence } from '../../src/audit/membership/losses.ts'
import { seenUpdates } from '../../src/audit/seen-updates.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'
import { initialWeights } from '../../src/model/init.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel } from '../../src/model/model.ts'
import { greyPng } from '../../src/report/html/png.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { DATASET, NORMALISE, open, plan } from '../support/learner.ts'
import { range } from '../support/synthetic.ts'

const MLP: Layer[] = [{ type: 'flatten' }, { type: 'dense', units: 8 }, { type: 'relu' }, { type: 'dense', units: 4 }]

describe('labels of an update', () => {
  // Three classes on two features: class 0 rose by 3 + 1 + 2, class 1 only fell, class 2 rose by 2 in one place.
  const change = { rows: Float32Array.of(3, 1, -1, -2, 2, -5), bias: Float32Array.of(2, -1, -1) }

  it('are those whose rows rose anywhere, with shares as what rose', () => {
    expect(labelsOfUpdate(change, 'signs', 1)).toEqual({ present: [true, false, true], shares: [0.75, 0, 0.25] })
    expect(labelsOfUpdate(change, 'signs', 2).shares).toEqual([0.9, 0, 0.1])
  })

  it('are those whose rows rose in sum, if more than images moves them', () => {
    expect(labelsOfUpdate(change, 'sums', 1)).toEqual({ present: [true, false, false], shares: [1, 0, 0] })
    const still = { rows: new Float32Array(6), bias: new Float32Array(3) }
    expect(labelsOfUpdate(still, 'signs', 1)).toEqual({ present: [false, false, false], shares: [0, 0, 0] })
  })

  it('are exact after an epoch on some of the classes', async () => {
    const model = buildModel(MLP, [1, 12, 12], 4)
    const learner = await open({ model, optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0 } })
    const received = initialWeights(model, 1)
    const train = range(0, 400).filter((i) => DATASET.labels[i]! % 2 === 1)
    const { weights } = await learner.train(received, plan({ train, epochs: 1, batch: 8 }), () => {})
    const of = (name: string) => weights.get(name)!.data.map((value, i) => value - received.get(name)!.data[i]!)
    const { present } = labelsOfUpdate({ rows: of('dense2.weight'), bias: of('dense2.bias') }, 'signs', 1)
    expect(present).toEqual([false, true, false, true])
  })
})

describe('the image of a step', () => {
  it('is the quotient of a row and its bias', () => {
    // δ = [2, -1, 0] of the image [5, 7].
    const change = { rows: Float32Array.of(10, 14, -5, -7, 0, 0), bias: Float32Array.of(2, -1, 0) }
    expect(inputOfOne(change)).toEqual(Float64Array.of(5, 7))
    expect(inputsByUnit(change, 3)).toEqual([Float64Array.of(5, 7), Float64Array.of(5, 7)])
    expect(inputOfOne({ rows: new Float32Array(2), bias: new Float32Array(1) })).toBeUndefined()
  })

  it('comes back from what an engine made of it', async () => {
    const model = buildModel(MLP, [1, 12, 12], 4)
    const learner = await open({ model, optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0 } })
    const received = initialWeights(model, 1)
    const experiment = resolveExperiment(
      [{ kind: 'file', values: { normalise: NORMALISE, name: 'a' }, where: () => 'test' }],
      'test',
    )
    const greys = greysOf({ dataset: DATASET, experiment })
    const one = plan({ train: Uint32Array.of(7), epochs: 1, batch: 1, evaluate: false })
    const { weights } = await learner.train(received, one, () => {})
    const of = (name: string) => weights.get(name)!.data.map((value, i) => value - received.get(name)!.data[i]!)
    const found = greys.of(inputOfOne({ rows: of('dense1.weight'), bias: of('dense1.bias') })!)
    expect(meanError(found, greys.image(7))).toBeLessThan(1e-4)
    expect(psnr(found, greys.image(7))).toBeGreaterThan(60)
    expect(meanError(greys.mean([...range(0, 100)]), greys.image(7))).toBeGreaterThan(0.05)
  })

  it('is measured in shares of white and in decibels', () => {
    const [black, grey] = [new Float64Array(4), new Float64Array(4).fill(0.1)]
    expect(meanError(black, grey)).toBeCloseTo(0.1, 12)
    // 10 log10(1 / 0.01)
    expect(psnr(black, grey)).toBeCloseTo(20, 9)
    expect(psnr(black, black)).toBe(150)
  })

  it('is drawn as PNG', () => {
    const png = greyPng(Uint8Array.of(0, 128, 255, 1, 2, 3), 2, 3)
    expect(png.toString('latin1', 1, 4)).toBe('PNG')
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([3, 2])
    // The checksum of an empty last chunk, as every PNG has it.
    expect(png.toString('hex').slice(-24)).toBe('0000000049454e44ae426082')
    const at = png.indexOf('IDAT')
    const data = png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4))
    expect([...inflateSync(data)]).toEqual([0, 0, 128, 255, 0, 1, 2, 3])
  })
})

describe('membership by shadow models', () => {
  it('is confident where the probability is', () => {
    expect(confidence(Math.LN2)).toBeCloseTo(0, 12)
    // p = 0.9
    expect(confidence(-Math.log(0.9))).toBeCloseTo(Math.log(9), 12)
    expect(Number.isFinite(confidence(0))).toBe(true)
  })

  it('is the log of the ratio of two Gaussians', () => {
    // Of one image: trained models say 3 and 5, others -1 and 1: means 4 and 0, variances 2.
    const shadow = (value: number, trained: boolean) => ({ confidence: Float64Array.of(value), trainedOn: [trained] })
    const shadows = [shadow(3, true), shadow(5, true), shadow(-1, false), shadow(1, false)]
    // At 3: -(1)² / 4 + (3)² / 4.
    expect(lira(Float64Array.of(3), shadows)[0]).toBeCloseTo(2, 12)
    expect(lira(Float64Array.of(2), shadows)[0]).toBeCloseTo(0, 12)
  })
})

describe('what parties see of updates', () => {
  const model = (value: number): Weights => new Map([['w', { shape: [1], data: Float32Array.of(value) }]])
  const owner = (number: number, value: number, images: number) => ({
    ...{ owner: number, trainImages: images, trainLabels: undefined, steps: undefined, weights: model(value) },
  })
  const seen = (given: object, owners = [owner(1, 1, 10), owner(2, 3, 10), owner(3, 9, 30)]) =>
    seenUpdates(
      { round: 1, owners, received: model(0) },
      resolveExperiment([{ kind: 'file', values: { name: 'a', ...given }, where: () => 'test' }], 'test'),
    ).map(({ by, of, sent }) => [by, of, sent.get('w')!.data[0]])

  it('is each update for the server, and the mean of the others for an owner', () => {
    const others = ['owner', 'the mean of all owners but 1', 6]
    expect(seen({})).toEqual([['server', 'owner 1', 1], ['server', 'owner 2', 3], ['server', 'owner 3', 9], others])
    expect(seen({ merge: 'weighted-avg' }).at(-1)).toEqual(['owner', 'the mean of all owners but 1', 7.5])
    expect(seen({}, [owner(1, 1, 10), owner(2, 3, 10)]).at(-1)).toEqual(['owner', 'owner 2', 3])
    expect(seen({ merge: 'max' }).map(([by]) => by)).toEqual(['server', 'server', 'server'])
    expect(seen({ server: 'avgm' }).map(([by]) => by)).toEqual(['server', 'server', 'server'])
  })

  it('is the mean alone for the server under masks, and of two owners still the other for an owner', () => {
    const masks = { privacy: { masks: {} } }
    expect(seen(masks)[0]).toEqual(['server', 'the mean of all owners', expect.closeTo(13 / 3, 6)])
    expect(seen(masks, [owner(1, 1, 10), owner(2, 3, 10)])).toEqual([
      ['server', 'the mean of all owners', 2],
      ['owner', 'owner 2', 3],
    ])
  })

  it('is not the mean of the others for an owner if the server adds noise', () => {
    const noisy = { privacy: { level: 'owner', clip: 1, noise: 1 }, merge: 'avg' }
    expect(seen(noisy).map(([by]) => by)).toEqual(['server', 'server', 'server'])
  })
})
