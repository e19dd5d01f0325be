import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { show } from '../../src/config/show.ts'
import { parseYaml } from '../../src/config/yaml.ts'
import { nearest } from '../../src/errors.ts'
import { fedunify, readersOf } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'

const parse = (text: string, most = 100_000) => parseYaml(text, { most, what: 'file', place: (line) => `f:${line}` })

/** Thousands of lists within one another, as values and as keys of --set take them. */
const DEEP = '['.repeat(10_000)

/** Nine of the line before in each line: a billion in all. */
const BOMB = [...'abcdefghi']
  .map((name, i, names) => `${name}: &${name} [${new Array(9).fill(i === 0 ? 'x' : `*${names[i - 1]}`).join(', ')}]\n`)
  .join('')

describe('parseYaml', () => {
  it('gives values, with aliases resolved, and their lines', () => {
    const { value, lineOf } = parse('a: &a [1, two]\nb:\n  c: *a\n  &k d: *k\n__proto__: 3\n')
    expect(JSON.stringify(value)).toBe('{"a":[1,"two"],"b":{"c":[1,"two"],"d":"d"},"__proto__":3}')
    expect([[], ['b', 'c'], ['b', 'd'], ['a', 1], ['b', 'c', 0], ['e']].map(lineOf)).toEqual([1, 3, 4, 1, 3, undefined])
  })

  it('takes an anchor that is there twice as the last before', () => {
    expect(parse('[&a 1, *a, &a 2, *a, &b [&b 3, *b], *b]').value).toEqual([1, 1, 2, 2, [3, 3], 3])
  })

  it.each([
    ['a: 1\nb: &b\n  - *b\n', 'f:3: the alias "b" stands within what it names'],
    ['a: &a { b: [1, *a] }', 'f:1: the alias "a" stands within what it names'],
    ['a: 1\nb: *none\n', 'f:2: the alias "none" names nothing that stands before it'],
    ['a: *b\nb: &b 1\n', 'f:1: the alias "b" names nothing that stands before it'],
    ['a: 1\nb:\n  c: 1\n  "c": 2\n', 'f:4: the key "c" is there twice'],
    ['? [a]\n: 1\n', 'f:1: a key must be text'],
    ['a: !!set { b, c }', /^f:1: Unresolved tag/],
    [`a: 1\nb: ${DEEP}`, 'f:2: lists and mappings are nested more than 20 deep'],
    [`a: ${'['.repeat(20)}${']'.repeat(20)}`, 'f:1: lists and mappings are nested more than 20 deep'],
    ['{a: '.repeat(5000), /^f:1: (lists and mappings are nested more than 20 deep|Flow map)/],
    [BOMB, 'f:5: with its aliases written out there are more than 100,000 characters'],
    [`a: &a "${'x'.repeat(50_000)}"\nb: [*a, *a]\n`, /^f:2: with its aliases written out/],
    [`a: *${'x'.repeat(50_000)}`, /^f:1: the alias "x+… names nothing/],
  ])('refuses %.40j with its line', (text, message) => {
    const [error] = [text].map((given) => {
      try {
        return parse(given)
      } catch (thrown) {
        return thrown
      }
    })
    expect(error).toMatchObject({ kind: 'usage', hint: 'the file must be YAML' })
    if (typeof message === 'string') expect((error as Error).message).toBe(message)
    else expect((error as Error).message).toMatch(message)
  })

  it.each([
    ['keys', Array.from({ length: 11_000 }, (_, i) => `k${i}: 1`).join('\n')],
    ['keys in brackets', `{${Array.from({ length: 20_000 }, (_, i) => i.toString(36)).join(',')}}`],
    ['anchors and aliases', `[${Array.from({ length: 5000 }, (_, i) => `&a${i} 1,*a${i}`).join(',')}]`],
    ['aliases within an anchor', `a: &a 1\nb: &b [${'*a,'.repeat(20_000)}]\nc: [${'*b,'.repeat(5)}]`],
  ])('takes little time for many %s', (_, text) => {
    const began = performance.now()
    expect(text.length).toBeLessThan(100_000)
    parse(text, 1_000_000)
    expect(performance.now() - began).toBeLessThan(2000)
  })
})

describe('the command line', () => {
  const write = (text: string): string => {
    const file = join(temporaryFolder(), 'exp.yaml')
    writeFileSync(file, text)
    return file
  }
  const circular = /^error: \S+: the alias "\w+" stands within what it names\nhint: the (file|value) must be YAML\n$/

  it.each([
    ['labels: &l\n  - *l\n'],
    ['normalise: &n { mean: *n }\n'],
    ['matrix: { merge: &m [*m] }\n'],
    ['expect:\n  - { metric: unified, min: 0.1, when: &w { lr: *w } }\n'],
    ['&all\nlabels: *all\n'],
  ])('says in one line that an alias contains itself: %j', async (text) => {
    const file = write(text)
    for (const args of readersOf(file)) {
      const { code, err } = await fedunify(args)
      expect(code, args.join(' ')).toBe(2)
      expect(err).toMatch(circular)
    }
  })

  it('says so of --set and of flags', async () => {
    for (const given of [
      ['--set', 'labels=&l [*l]'],
      ['--set', 'normalise=&n {mean: *n}'],
      ['--model', '&m [*m]'],
    ]) {
      const { code, err } = await fedunify(['config', 'show', ...given])
      expect(code).toBe(2)
      expect(err.replace(/--set |--/, '')).toMatch(circular)
    }
  })

  it.each([
    ['lr', DEEP],
    [`lr${'.a'.repeat(10_000)}`, '1'],
    [`${'x'.repeat(90_000)}`, '1'],
    ['lr', `[${'1,'.repeat(40_000)}]`],
    ['lr', '!!binary aGVsbG8='],
    ['normalise', '{"a\\nb\\u001b[31m": 1}'],
    ['model', `[{type: ${'dense'.repeat(10_000)}}]`],
  ])('refuses --set %.20s=%.20s in one short line', async (key, value) => {
    const { code, err } = await fedunify(['config', 'show', '--set', `${key}=${value}`])
    expect(code).toBe(2)
    expect(err).toMatch(/^error: .{10,300}\n(hint: .{3,600}\n)?$/)
    expect(err).not.toContain('\x1b')
  })

  it('refuses keys of a file in one short line', async () => {
    for (const text of [
      `${'x'.repeat(90_000)}: 1\n`,
      '"a\\nb": 1\n',
      `matrix: { "a\\nb": 3 }\n`,
      `${'x'.repeat(9000)}\n`,
    ]) {
      const { code, err } = await fedunify(['config', 'show', write(text)])
      expect(code).toBe(2)
      expect(err).toMatch(/^error: .{10,300}\n(hint: .{3,600}\n)?$/)
    }
  })
})

it('show tells of any value in one line', () => {
  const circular: unknown[] = []
  circular.push(circular)
  const within: Record<string, unknown> = {}
  within.within = within
  const values = [1, 'a\nb', null, undefined, 10n, Symbol('s'), [10n], circular, within, [undefined], () => 1]
  expect(values.map(show)).toEqual([
    '1',
    '"a\\nb"',
    'null',
    'undefined',
    '10',
    'Symbol(s)',
    'a list',
    'a list',
    'keys and values',
    '[null]',
    '() => 1',
  ])
})

it('nearest takes little time for many names, and for long ones', () => {
  const began = performance.now()
  const many = Array.from({ length: 20_000 }, (_, i) => `name${i}`)
  expect(nearest('expct', [...many, 'expect'])).toBe('expect')
  expect(nearest('x'.repeat(90_000), many)).toBeUndefined()
  expect(nearest('expect', ['expect'.repeat(9000), 'excpet'])).toBe('excpet')
  expect(performance.now() - began).toBeLessThan(1000)
})
