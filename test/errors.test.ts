import { describe, expect, it } from 'vitest'
import { codeOf, EXIT, FedunifyError, messageOf, nearest, unknownName } from '../src/errors.ts'

describe('FedunifyError', () => {
  it('carries the exit code of its kind', () => {
    const codes = (['missed', 'usage', 'data', 'training', 'interrupted'] as const).map(
      (kind) => new FedunifyError(kind, 'why').exitCode,
    )
    expect(codes).toEqual([1, 2, 3, 4, 130])
    expect(EXIT.ok).toBe(0)
  })

  it('keeps hint and cause', () => {
    const cause = new Error('below')
    expect(new FedunifyError('data', 'why', 'do', { cause })).toMatchObject({ message: 'why', hint: 'do', cause })
    expect(new FedunifyError('data', 'why').hint).toBeUndefined()
  })
})

describe('nearest', () => {
  it.each([
    ['avgg', ['avg', 'max'], 'avg'],
    ['AVG', ['avg', 'max'], 'avg'],
    ['h', ['V', 'H', 'labels'], 'H'],
    ['dirichet', ['V', 'H', 'dirichlet'], 'dirichlet'],
    ['optimiser', ['optimizer', 'out'], 'optimizer'],
    ['agv', ['avg', 'max'], 'avg'],
    ['rnu', ['run', 'report'], 'run'],
    ['lr-shcedule', ['lr', 'lr-schedule'], 'lr-schedule'],
    ['mix', ['avg', 'min', 'max'], 'min'],
    ['x', ['V', 'H'], undefined],
    ['median', ['avg', 'max'], undefined],
    ['', ['avg'], undefined],
    ['avg', [], undefined],
  ])('of %j among %j is %j', (got, legal, expected) => {
    expect(nearest(got, legal)).toBe(expected)
  })
})

describe('unknownName', () => {
  it('lists the legal names, and suggests one where one is near', () => {
    expect(unknownName('merge', 'avgg', ['avg', 'max'])).toMatchObject({
      kind: 'usage',
      message: 'unknown merge "avgg": expected one of avg, max',
      hint: 'did you mean avg?',
    })
    expect(unknownName('merge', 'median', ['avg', 'max']).hint).toBeUndefined()
  })
})

describe('what was thrown', () => {
  it('has a message, whatever it is', () => {
    expect(messageOf(new TypeError('why'))).toBe('why')
    expect(messageOf('text')).toBe('text')
    expect(messageOf(undefined)).toBe('undefined')
  })

  it('has a code where the system gave one', () => {
    expect(codeOf(Object.assign(new Error('no'), { code: 'ENOENT' }))).toBe('ENOENT')
    expect(codeOf(Object.assign(new Error('no'), { code: 3 }))).toBeUndefined()
    expect(codeOf({ code: 'ENOENT' })).toBeUndefined()
  })
})
