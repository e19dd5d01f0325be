import { describe, expect, it } from 'vitest'
import { withOwnRule } from '../../src/algorithm/merge/own-rule.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'
import { buildModel } from '../../src/model/model.ts'
import { presetLayers } from '../../src/model/presets.ts'
import { type Asks, type OwnerRequest, requestOf } from '../../src/owner/policy/refusals.ts'
import { describeRequest } from '../../src/report/terminal/request-text.ts'

const MODEL = buildModel(presetLayers('cnn', 10), [1, 28, 28], 10)

function request(values: object = {}, asks: Asks = { metrics: false, labels: false }): OwnerRequest {
  const experiment = resolveExperiment([{ kind: 'file', values: { ...values }, where: () => 'exp.yaml' }])
  return requestOf(experiment, MODEL, asks)
}

/** The rows of a table by what stands before them; those without belong to the one above. */
function rows(text: string): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  let last = ''
  for (const line of text.split('\n')) {
    const [, what, detail] = /^(.{11}) {2}(.*)$/.exec(line)!
    last = what!.trim() || last
    found[last] = [...(found[last] ?? []), detail!]
  }
  return found
}

describe('what an experiment asks of an owner', () => {
  it('is a table', () => {
    expect(describeRequest(request())).toBe(
      [
        'experiment   V-avg',
        'model        cnn, 421,642 parameters in 10 layers (conv2d, relu, maxpool2d, flatten, dense), shared initial weights',
        'rounds       10',
        'epochs       1 a round, at most 10 in all',
        'batch        64 images',
        'optimizer    sgd lr 0.1, lr-schedule constant',
        'objective    cross-entropy',
        'merge        avg, at the server',
        'server step  none, at the server',
        'comes in     each round: a model of 1,686,568 bytes',
        'goes out     each round: the weights, 1,686,568 bytes',
        '             each round: 2 evaluations of 424 bytes each (images, right ones, loss and a confusion matrix), and the loss of training',
        '             once: the numbers of images to train on and to test on, and how many images there are of each class',
        'stays here   images',
        'mind         The server reads the weights of every owner, and can attack each by itself.',
        '             Each of the two owners knows the update of the other: it is twice the mean less its own weights.',
        '             There is no noise: what the unified model tells of an image or an owner has no bound.',
        '             Confusion matrices tell how many test images of each class an owner has.',
      ].join('\n'),
    )
  })

  it('has what may end it early, and what the run needs', () => {
    const training = { 'weight-decay': 0.001, batch: 1, objective: 'fedprox:mu=0.1', sam: 0.05 }
    const values = { 'stop-at': 0.9, 'until-local-accuracy': 0.8, rounds: 2000, ...training }
    const found = rows(describeRequest(request(values, { metrics: true, labels: true })))
    expect(found).toMatchObject({
      rounds: ['at most 2,000, until every owner has an accuracy of 0.9'],
      epochs: ['at most 20 a round, at most 40,000 in all, until the local accuracy is 0.8'],
      batch: ['1 image'],
      optimizer: ['sgd lr 0.1, lr-schedule constant, weight-decay 0.001'],
      objective: ['fedprox:mu=0.1, sam 0.05, twice the computing'],
      needed: ['accuracies and losses, how many images there are of each class'],
    })
    expect(found['goes out']!.at(-1)).toBe(
      'once: the numbers of images to train on and to test on, and how many images there are of each class',
    )
  })

  it('has a model and an evaluation for each rule, and the file of one of its own', () => {
    const asked = request({ merge: ['avg', 'max'] })
    const own = withOwnRule({ midrange: { p: 0.4 } }, { name: 'midrange', file: 'midrange.mjs', sha256: '' })
    const merge = [...asked.experiment.merge, own]
    const found = rows(describeRequest({ ...asked, experiment: { ...asked.experiment, merge } }))
    expect(found.merge).toEqual(['avg, max, midrange:p=0.4 (midrange.mjs), at the server'])
    expect(found['comes in']).toEqual(['each round: 3 models of 1,686,568 bytes each'])
    expect(found['goes out']![1]).toMatch(/^each round: 4 evaluations /)
  })

  it('has what the policy keeps here', () => {
    const asked = request({}, { metrics: false, labels: true })
    const withoutLabels = rows(describeRequest(asked, { metrics: true, labels: false }))
    expect(withoutLabels['goes out']!.slice(1)).toEqual([
      'each round: 2 evaluations of 24 bytes each (images, right ones, loss), and the loss of training',
      'once: the numbers of images to train on and to test on',
    ])
    expect(withoutLabels['stays here']).toEqual(['images, how many images there are of each class'])
    const withoutMetrics = rows(describeRequest(asked, { metrics: false, labels: true }))
    expect(withoutMetrics['goes out']!.slice(1)).toEqual([
      'each round: epochs, images and seconds of training, and nothing that tells how good a model is',
      'once: the number of images to train on, and how many images there are of each class to train on',
    ])
    expect(withoutMetrics['stays here']).toEqual(['images, accuracies and losses, the number of images to test on'])
    const nothing = rows(describeRequest(request({ merge: ['avg', 'max'] }), { metrics: false, labels: false }))
    expect(nothing['goes out']!.at(-1)).toBe('once: the number of images to train on')
    // It evaluates none of the models that are only evaluated.
    expect(nothing['comes in']).toEqual(['each round: a model of 1,686,568 bytes'])
  })

  it('has the sums that a head is fitted to, and what they tell', () => {
    // 128 features, 1,150 random ones and a 1: half of a matrix of 1,279, and ten columns, in float32.
    const found = rows(describeRequest(request({ head: { ridge: { random: 1150 } }, 'evaluate-every': 5 })))
    expect(found['goes out']).toContain(
      'each 5 rounds, and in the last: sums for head ridge:lambda=0.01:random=1150, 3,325,400 bytes, ' +
        'which tell how many images there are of each class, and the mean of their features',
    )
  })

  it('has how often it may train if no round waits', () => {
    const found = rows(describeRequest(request({ rounds: 20, pace: { fedbuff: { size: 3 } } })))
    expect(found.rounds).toEqual([
      '20, which wait for no owner (pace fedbuff:size=3:lr=1): this owner trains at most 60 times',
    ])
  })

  it('has text of others on one line', () => {
    const asked = request()
    const experiment = { ...asked.experiment, name: 'a\nb\u001b[31m' }
    expect(describeRequest({ ...asked, experiment }).split('\n')[0]).toBe('experiment   a\\nb\\u001b[31m')
  })
})
