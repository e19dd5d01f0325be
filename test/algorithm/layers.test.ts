import { describe, expect, it } from 'vitest'
import { MERGE_RULES } from '../../src/algorithm/merge/registry.ts'
import type { MergeRule, OwnerWeights } from '../../src/algorithm/merge/rule.ts'
import { matchesPattern } from '../../src/algorithm/merge/shared/name-pattern.ts'
import { withDefaults } from '../../src/parts.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { mergeOf } from '../support/merging.ts'
import { noise } from '../support/numbers.ts'

const SHAPES: Record<string, number[]> = {
  'conv1.weight': [2, 1, 3, 3],
  'conv1.bias': [2],
  'dense1.weight': [3, 4],
  'dense1.bias': [3],
}

const model = (seed: number): Weights =>
  new Map(
    Object.entries(SHAPES).map(([name, shape], i) => {
      return [
        name,
        {
          shape,
          data: noise(
            shape.reduce((n, one) => n * one, 1),
            10 * seed + i,
          ),
        },
      ]
    }),
  )
const owner = (nth: number): OwnerWeights => ({
  owner: nth,
  trainImages: nth,
  trainLabels: [nth - 1, 1, 0],
  weights: model(nth),
})
const all = [1, 2, 3, 4, 5].map(owner)
const base = model(9)
const part = (weights: Weights, ...names: string[]): Weights => new Map(names.map((name) => [name, weights.get(name)!]))
const partOf = (owners: readonly OwnerWeights[], ...names: string[]) =>
  owners.map((owner) => ({ ...owner, weights: part(owner.weights, ...names) }))

const rule: MergeRule = MERGE_RULES.layers
const given = (options: object) => withDefaults(rule, options)
const model4 = { shapes: new Map(Object.entries(SHAPES)), classes: 3 }

describe('layers', () => {
  it('merges each group of tensors by its rule, and the others by another one', () => {
    const out = mergeOf('layers', all, { rules: { 'conv*': 'median' }, otherwise: 'weighted-avg' }, base)
    expect([...out.keys()]).toEqual(Object.keys(SHAPES))
    for (const name of Object.keys(SHAPES)) {
      const by = mergeOf(name.startsWith('conv') ? 'median' : 'weighted-avg', all)
      expect(out.get(name), name).toEqual(by.get(name))
    }
  })

  it('gives rules their options, and avg the others', () => {
    const out = mergeOf('layers', all, { rules: { '*.bias': { 'trimmed-mean': { beta: 0.2 } } } }, base)
    expect(out.get('conv1.bias')).toEqual(mergeOf('trimmed-mean', all, { beta: 0.2 }).get('conv1.bias'))
    expect(out.get('dense1.weight')).toEqual(mergeOf('avg', all).get('dense1.weight'))
  })

  it('lets a rule look at its group as if it were the model, patterns of one rule together', () => {
    const options = { rules: { 'conv1.*': 'krum', 'dense1.b*': 'krum', 'dense1.w*': 'class-rows' } }
    const out = mergeOf('layers', all, options, base)
    const names = ['conv1.weight', 'conv1.bias', 'dense1.bias']
    const krum = mergeOf('krum', partOf(all, ...names))
    for (const name of names) expect(out.get(name)).toEqual(krum.get(name))
    const rows = mergeOf('class-rows', partOf(all, 'dense1.weight'), {}, part(base, 'dense1.weight'))
    expect(out.get('dense1.weight')).toEqual(rows.get('dense1.weight'))
  })

  it('refuses patterns that match no tensor, or one that another matches too', () => {
    expect(rule.checkModel!(given({ rules: { 'conv*': 'avg', 'dense1*': 'max' } }), model4)).toBeUndefined()
    expect(rule.checkModel!(given({ rules: { 'dense2*': 'max' } }), model4)).toBe(
      'no tensor is called dense2*; there are conv1.weight, conv1.bias, dense1.weight, dense1.bias',
    )
    expect(rule.checkModel!(given({ rules: { 'conv*': 'max', '*.bias': 'avg' } }), model4)).toBe(
      'conv1.bias is of conv* and of *.bias',
    )
    expect(rule.checkModel!(given({ rules: { 'conv*': 'class-rows' } }), model4)).toBe(
      'class-rows: the model has no dense layer',
    )
  })

  it('refuses them in a merge too', () => {
    expect(() => mergeOf('layers', all, { rules: { 'dense2*': 'max' } })).toThrow('no tensor is called dense2*')
  })

  it('says what its rules say, with the pattern', () => {
    expect(rule.check!(given({ rules: { 'conv*': 'median' } }), 2)).toBe(
      'conv*: median: the median of 2 is their mean, which is the rule avg',
    )
    expect(rule.undefinedOn!(given({ rules: { '*': 'avg' }, otherwise: 'bulyan' }), 5)).toBe(
      'otherwise: bulyan: with f 1 it needs 7 owners or more (4f + 3), there are 5',
    )
    expect(rule.uses!(given({ rules: { 'conv*': 'max' } }))).toEqual([])
    expect(rule.uses!(given({ rules: { 'conv*': 'ties', 'dense*': 'class-rows' } }))).toEqual(['base', 'labels'])
  })

  it('takes rules of the registry but itself, and needs a pattern', () => {
    expect(() => given({ rules: {} })).toThrow('expected a pattern and its rule')
    expect(() => given({ rules: { '*': 'layers' } })).toThrow('expected one of')
    expect(() => given({ rules: { '*': { median: { beta: 1 } } } })).toThrow('beta')
    expect(given({ rules: { '*': { median: {} } } })).toEqual({ rules: { '*': 'median' }, otherwise: 'avg' })
  })
})

it.each([
  ['conv*', 'conv1.weight', true],
  ['conv*', 'deconv1.weight', false],
  ['conv?.bias', 'conv1.bias', true],
  ['conv?.bias', 'conv12.bias', false],
  ['conv1.bias', 'conv1xbias', false],
  ['*', 'anything', true],
  ['(a|b)+', 'a', false],
])('%s and %s: %s', (pattern, name, matches) => {
  expect(matchesPattern(pattern, name)).toBe(matches)
})
