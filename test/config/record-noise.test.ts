import { describe, expect, it } from 'vitest'
import { recordAccount, recordNoise } from '../../src/config/record-noise.ts'
import { recordWords } from '../../src/config/record-words.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'
import type { Experiment } from '../../src/config/schema.ts'
import { epsilonAfter } from '../../src/privacy/accountant/accountant.ts'
import { assertRecordNoise, notesOfRecords } from '../../src/run/assert-record-noise.ts'
import { range } from '../support/synthetic.ts'

const resolved = (values: Readonly<Record<string, unknown>>): Experiment =>
  resolveExperiment([{ kind: 'file', values, where: () => 'test' }])
const record = { level: 'record', clip: 1, noise: 1.5 }
const refusal = (values: Readonly<Record<string, unknown>>): unknown => {
  try {
    return resolved({ privacy: record, ...values })
  } catch (error) {
    return error
  }
}

describe('level record is refused beside', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['an adaptive norm', { privacy: { ...record, clip: { adaptive: {} } } }, 'an adaptive norm is of level owner'],
    ['noise by the server', { privacy: { ...record, 'noise-by': 'server' } }, 'noise-by is of level owner'],
    ['no norm', { privacy: { level: 'record', noise: 1 } }, 'needs a norm to clip to'],
    ['objective fedlc', { objective: 'fedlc' }, 'objective fedlc shows in its model how many images of each class'],
    ['objective vacant-classes', { objective: 'vacant-classes' }, 'objective vacant-classes shows in its model'],
    ['objective fedntd', { objective: 'fedntd' }, 'objective fedntd has a teacher'],
    ['sam', { sam: 0.05 }, 'sam moves the weights by the gradient of all images of a step'],
    [
      'dropout',
      { model: [{ type: 'flatten' }, { type: 'dropout', rate: 0.1 }, { type: 'dense', units: 10 }] },
      "dropout goes by an image's place",
    ],
    ['until-local-accuracy', { 'until-local-accuracy': 0.9 }, 'lets the images decide how many steps'],
    ['a pace', { pace: 'fedasync' }, 'pace fedasync does not say how often an owner trains'],
    ['a head', { head: 'ridge' }, 'head ridge is fitted to sums'],
    ['a baseline', { baseline: 'pooled' }, 'the pooled baseline trains on the images of all owners without noise'],
    ['merge regmean', { merge: 'regmean' }, "merge regmean asks for sums over an owner's images"],
    ['merge fisher, scored', { merge: ['avg', 'fisher'] }, "merge fisher asks for sums over an owner's images"],
    ['merge class-rows', { merge: 'class-rows' }, 'merge class-rows shows in its model how many images of each class'],
  ])('%s', (_, values, message) => {
    expect(refusal(values)).toMatchObject({
      code: 'E_CONFLICT',
      message: expect.stringContaining(message),
      hint: expect.any(String),
    })
  })

  it.each<[string, Record<string, unknown>]>([
    ['fedprox', { objective: { fedprox: { mu: 0.1 } } }],
    ['scaffold', { objective: 'scaffold', optimizer: 'sgd' }],
    ['label-smoothing and a server step', { objective: 'label-smoothing', server: 'avgm' }],
    ['validation', { validation: 0.1 }],
    ['drawn owners', { owners: 5, participants: { count: 2 } }],
    ['masks', { privacy: { ...record, masks: {} } }],
    ['no noise at all', { privacy: { ...record, noise: 0 } }],
  ])('and not beside %s', (_, values) => {
    expect(refusal(values)).toMatchObject({ privacy: { level: 'record' } })
  })
})

describe('what noise at level record costs', () => {
  const given = { batch: 100, rounds: 10, 'local-epochs': 2 }

  it('is the ε of the accountant for the steps and the rate of each owner, the largest of them', () => {
    const account = recordAccount(resolved({ ...given, privacy: { ...record, delta: 1e-4 } }), [1000, 2550, 1000])!
    // 1000 images: 10 steps an epoch, each image with probability 0.1; 2550: 26 steps, 0.0392.
    const small = epsilonAfter({ noise: 1.5, rate: 0.1, steps: 60, delta: 1e-4 })
    const large = epsilonAfter({ noise: 1.5, rate: 100 / 2550, steps: 156, delta: 1e-4 })
    expect(account).toMatchObject({ level: 'record', noise: 1.5, clip: 1, delta: 1e-4 })
    expect(account.epsilonAfter(3)).toBe(Math.max(small, large))
    expect(small).toBeGreaterThan(large)
    expect(account.epsilonAfter(0)).toBe(0)
  })

  it('counts the rounds of the owner that is drawn most, and those that were lost', () => {
    const drawn = resolved({ ...given, owners: 5, participants: { count: 1 }, privacy: record })
    const all = resolved({ ...given, privacy: record })
    expect(recordAccount(drawn, [1000])!.epsilonAfter(5)).toBeLessThan(recordAccount(all, [1000])!.epsilonAfter(5))
    expect(recordAccount(all, [1000], 2)!.epsilonAfter(3)).toBe(recordAccount(all, [1000])!.epsilonAfter(5))
  })

  it('has no end without noise', () => {
    const account = recordAccount(resolved({ ...given, privacy: { ...record, noise: 0 } }), [1000])!
    expect(account.epsilonAfter(1)).toBe(Number.POSITIVE_INFINITY)
  })

  it('is within an asked ε by the least noise that each owner finds for itself', () => {
    const asked = resolved({ ...given, privacy: { level: 'record', clip: 0.5, epsilon: 3, delta: 1e-4 } })
    const [small, large] = [recordNoise(asked, 1000)!, recordNoise(asked, 2550)!]
    expect(small).toMatchObject({ clip: 0.5, testSeed: undefined })
    expect(small.noise).toBeGreaterThan(large.noise)
    for (const [{ noise }, rate, steps] of [
      [small, 0.1, 200],
      [large, 100 / 2550, 520],
    ] as const) {
      expect(epsilonAfter({ noise, rate, steps, delta: 1e-4 })).toBeLessThanOrEqual(3)
      expect(epsilonAfter({ noise: 0.999 * noise, rate, steps, delta: 1e-4 })).toBeGreaterThan(3)
    }
    const account = recordAccount(asked, [1000, 2550])!
    expect(account).toMatchObject({ noise: small.noise, budget: 3 })
    expect(account.epsilonAfter(10)).toBeLessThanOrEqual(3)
    expect(account.epsilonAfter(11)).toBeGreaterThan(3)
  })
})

describe('before a run', () => {
  const owners = [
    { owner: 1, train: range(0, 400) },
    { owner: 2, train: range(400, 500) },
  ]
  const given = { batch: 50, rounds: 5 }

  it('an ε that no noise reaches is refused, and one that the first round exceeds', () => {
    const never = resolved({ ...given, privacy: { level: 'record', clip: 1, epsilon: 1e-9, delta: 1e-9 } })
    expect(() => assertRecordNoise(never, owners)).toThrow(
      'no noise keeps 5 rounds of owner 1 (400 images) within epsilon 1e-9',
    )
    const costly = resolved({ ...given, privacy: { level: 'record', clip: 1, epsilon: 1, noise: 0.3 } })
    expect(() => assertRecordNoise(costly, owners)).toThrow(
      /^with noise 0.3 the first round costs epsilon \S+, which is more than 1$/,
    )
    expect(() => assertRecordNoise(resolved({ ...given, privacy: record }), owners)).not.toThrow()
  })

  it('a δ is told of that is not below the share of one image, and noise that drowns a step', () => {
    const notes = (values: object, parameters = 100, batch = 50) =>
      notesOfRecords(resolved({ ...given, batch, privacy: { ...record, ...values } }), owners, parameters)
    expect(notes({ delta: 0.009 })).toEqual([])
    expect(notes({ delta: 0.01 })).toEqual([
      expect.stringContaining('delta 0.01 is not below 1/100, the share of one image of owner 2'),
    ])
    // 1.5 √40,000 / 50 = 6, and / 60 = 5.
    expect(notes({}, 40_000)).toEqual([
      'the noise of a step is 6 times as long as the mean gradient can be (batch 50): a larger batch, more images or a smaller model help',
    ])
    expect(notes({}, 40_000, 60)).toEqual([])
    expect(notes({ 'insecure-test-seed': 1 })).toEqual([expect.stringContaining('so this run protects nobody')])
    expect(notesOfRecords(resolved({}), owners, 40_000)).toEqual([])
  })

  it('it is said what is hidden from whom', () => {
    const words = (values: object, images: number[]) =>
      recordWords(resolved({ ...given, privacy: { ...record, ...values } }), images)
    const spent = epsilonAfter({ noise: 1.5, rate: 0.5, steps: 10, delta: 1e-5 })
    expect(words({}, [400, 100])[0]).toBe(
      `Each owner's own noise hides each of its images from the server and from all others: epsilon ${Number(spent.toPrecision(4))} at delta 0.00001 after 5 rounds.`,
    )
    expect(words({}, [400, 100])[1]).toContain('It does not hide what an owner')
    expect(words({ noise: 0 }, [400])[0]).toContain('without noise nothing is promised')
    expect(words({}, [])[0]).toContain('Each owner adds noise as it trains')
    expect(recordWords(resolved({}), [400])).toEqual([])
  })
})
