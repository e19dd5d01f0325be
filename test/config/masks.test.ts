import { describe, expect, it } from 'vitest'
import { configHash } from '../../src/config/hash.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'

const resolved = (values: Readonly<Record<string, unknown>>) =>
  resolveExperiment([{ kind: 'file', values, where: () => 'test' }])
const masks = { privacy: { masks: {} } }
const threshold = (t: number) => ({ privacy: { masks: { threshold: t } } })

describe('an experiment with masks', () => {
  it.each<[string, object, string]>([
    ['a sum of one owner', { owners: 4, participants: { count: 1 } }, 'masks: a sum of one owner is its update'],
    ['median', { merge: 'median' }, 'merge median needs the update of each owner, but with masks the server has only'],
    ['clipped-avg', { merge: { 'clipped-avg': { bound: 1 } } }, 'merge clipped-avg needs the update of each owner'],
    ['regmean', { merge: 'regmean' }, 'merge regmean needs the update of each owner'],
    ['a scored rule', { merge: ['avg', 'max'] }, 'merge max needs the update of each owner'],
    ['two rules', { merge: ['avg', 'weighted-avg'] }, 'merge avg and weighted-avg are two sums of the same updates'],
    [
      'fednova by accuracy',
      { merge: 'fednova', 'until-local-accuracy': 0.9 },
      'which with until-local-accuracy no owner',
    ],
    ['a pace', { pace: 'fedasync' }, 'pace fedasync merges single models as they arrive'],
    ['weights of its own', { init: 'independent' }, 'masked sums are of changes, but with init independent'],
    [
      'a head and a threshold',
      { head: 'ridge', owners: 3, ...threshold(2) },
      'head ridge is fitted to sums that say how many images of each class there are',
    ],
    [
      'too large a range for a head',
      { privacy: { masks: { 'head-range': 1e12 } }, head: 'lda' },
      'masks: with head-range 1000000000000 counts of many images would not be whole numbers',
    ],
    [
      'a range for no head',
      { privacy: { masks: { 'head-range': 9 } }, head: 'none' },
      'masks: head-range is given without a head',
    ],
    ['keep', { keep: 'owners' }, 'with masks nobody has the weights of single owners to keep'],
    ['a second sum', { objective: { scaffold: { form: 'general' } } }, 'objective scaffold sends a second sum'],
    [
      'scaffold of drawn owners',
      { objective: 'scaffold', owners: 4, participants: { count: 2 } },
      'sends a second sum',
    ],
    ['fedexp', { server: 'fedexp' }, 'server fedexp needs how far each owner went'],
    ['a threshold of two', { ...threshold(2) }, 'a threshold is for rounds of three owners or more'],
    ['a threshold above the owners', { owners: 3, ...threshold(4) }, 'threshold is 4, but 3 owners train in a round'],
    ['half as a threshold', { owners: 4, ...threshold(2) }, 'with threshold 2 of 4 a server could have two halves'],
    [
      'shares for too many',
      { owners: 300, ...threshold(200) },
      'with a threshold a round has at most 255 owners, not 300',
    ],
    [
      'a threshold and shares of the noise',
      { owners: 3, privacy: { masks: { threshold: 2 }, level: 'owner', clip: 1, noise: 1, 'noise-by': 'owners' } },
      'masks: an owner that is lost takes its share of the noise along',
    ],
  ])('is not one with %s', (_, given, message) => {
    const fails = () => resolved({ env: 'V', ...masks, ...given })
    expect(fails).toThrow(message)
    expect(fails).toThrow(expect.objectContaining({ exitCode: 2, hint: expect.stringMatching(/^[a-z]/) }))
  })

  it.each<[string, object]>([
    ['a head', { head: { ridge: { random: 9 } } }],
    ['a head and a range for it', { head: 'lda', privacy: { masks: { 'head-range': 1 } } }],
    ['last-rounds', { merge: ['avg', 'last-rounds'] }],
    ['task-arithmetic', { merge: { 'task-arithmetic': { lambda: 0.7 } } }],
    ['drawn owners', { owners: 5, participants: { count: 2 } }],
    ['server steps', { server: 'adam' }],
    ['scaffold', { objective: 'scaffold' }],
    ['an attack', { owners: 3, attack: 'sign-flip' }],
    ['a majority', { owners: 4, ...threshold(3) }],
    ['noise', { owners: 3, privacy: { masks: {}, level: 'owner', clip: 1, noise: 1, 'noise-by': 'owners' } }],
    ['all owners as a threshold', { owners: 3, ...threshold(3) }],
  ])('may have %s', (_, given) => {
    expect(resolved({ env: 'V', ...masks, ...given }).privacy?.masks).toMatchObject({ range: 4 })
  })

  it('has a range for a head only if it is said', () => {
    const { privacy } = resolved({ env: 'V', head: 'lda', ...masks })
    expect(privacy?.masks).toEqual({ range: 4 })
    expect(() => resolved({ env: 'V', head: 'lda', privacy: { masks: { 'head-range': 0.5 } } })).toThrow('head-range')
  })

  it('has another hash than without', () => {
    expect(configHash(resolved({ env: 'V', ...masks }))).not.toBe(configHash(resolved({ env: 'V' })))
  })
})
