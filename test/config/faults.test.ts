import { mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readExpectations } from '../../src/check/expected/expectations.ts'
import { type ExperimentRequest, loadExperiment } from '../../src/config/load.ts'
import { readRows } from '../../src/runs/read/read-tables.ts'
import { textOf } from '../../src/system/text.ts'
import { temporaryFolder } from '../support/folder.ts'

function fileOf(text: string | Uint8Array, name = 'exp.yaml'): string {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, text)
  return file
}

const load = (text: string, request: ExperimentRequest = {}) => loadExperiment({ file: fileOf(text), ...request })

describe('a home folder', () => {
  it.each([
    ['out: ~/fed results\n', { out: join(homedir(), 'fed results') }],
    ['data: "~"\n', { data: homedir() }],
    ['out: a/~/b\ndata: ./~\n', { out: 'a/~/b', data: './~' }],
  ])('%j', async (text, values) => expect(await load(text)).toMatchObject(values))

  it('in --set, in a flag and in an expectation', async () => {
    const expected = 'expect: [{ metric: unified, max-drop-from: ~/ref.csv, points: 1 }]\n'
    const experiment = await load(expected, { set: ['out=~/x'], flags: { data: '~/y' } })
    expect(experiment).toMatchObject({
      out: join(homedir(), 'x'),
      data: join(homedir(), 'y'),
      expect: [{ 'max-drop-from': join(homedir(), 'ref.csv') }],
    })
  })

  it('of somebody else is refused', async () => {
    await expect(load('out: ~other/x\n')).rejects.toThrow(
      'exp.yaml:1: out: expected a path: ~ is the home folder, ~NAME is not known, and a folder called ~ is written ./~, got "~other/x"',
    )
  })
})

describe('YAML merge keys', () => {
  const layers = 'model:\n  - &conv { type: conv2d, filters: 8, kernel: 3 }\n  - { <<: *conv, filters: 16 }\n'
  const rest = '  - { type: flatten }\n  - { type: dense, units: 10 }\n'

  it('take over what a mapping has not itself', async () => {
    const { model } = await load(layers + rest)
    expect(model.slice(0, 2)).toEqual([
      { type: 'conv2d', filters: 8, kernel: 3, padding: 'same' },
      { type: 'conv2d', filters: 16, kernel: 3, padding: 'same' },
    ])
    const top = await load('normalise: &n { mean: 0.13 }\n<<: [{ env: H, lr: 0.5 }, { lr: 0.7, rounds: 3 }]\nlr: 0.2\n')
    expect(top).toMatchObject({ env: 'H', lr: 0.2, rounds: 3, normalise: { mean: 0.13 } })
  })

  it.each([
    [`${layers.replace('filters: 16', 'filters: no')}${rest}`, 'exp.yaml:3: model.1.filters: expected a number'],
    ['a: &a { lr: fast }\n<<: *a\n', 'exp.yaml:2: lr: expected a number, got "fast"'],
    ['lr: 0.1\n<<: { batch: no }\n', 'exp.yaml:2: batch: expected a'],
    ['<<: 3\n', 'exp.yaml:1: the key << takes over a mapping, or a list of them'],
    ['<<: {}\n<<: {}\n', 'exp.yaml:1: the key "<<" is there twice'.replace(':1', ':2')],
    ['"<<": { lr: 1 }\n', 'unknown key "<<"'],
    ['<<: &a { <<: *a }\n', 'stands within what it names'],
  ])('%j is told with its line', async (text, message) => {
    await expect(load(text)).rejects.toThrow(message)
  })
})

describe('what a file says of itself', () => {
  it('is no key of the experiment', async () => {
    const file = fileOf('{ "$schema": "schema.json", "format": 1, "env": "H" }', 'exp.json')
    expect(await loadExperiment({ file })).toMatchObject({ env: 'H', name: 'exp' })
    await expect(load('model: [{ type: flatten, $schema: x }]\n')).rejects.toThrow('unknown key "$schema"')
  })

  it.each([
    ['out: !env RESULTS_DIR\n', 1],
    ['env: H\nout: !x { a: 1 }\n', 2],
    ['env: H\n\nlr: !!set { a }\n', 3],
  ])('a tag is refused with its line: %j', async (text, line) => {
    const message = expect.stringMatching(new RegExp(`exp\\.yaml:${line}: .*tag`))
    await expect(load(text)).rejects.toMatchObject({ kind: 'usage', message })
  })
})

describe('a byte order mark', () => {
  const mark = '\ufeff'

  it('is no part of a text', () => {
    expect(textOf(Buffer.from(`${mark}a: é`))).toBe('a: é')
    expect(textOf(Buffer.from(`${mark}a: é`, 'utf16le'))).toBe('a: é')
    expect(textOf(Buffer.from('a'))).toBe('a')
  })

  it('may begin an experiment, expectations and a table', async () => {
    expect(await load(`${mark}env: H\n`)).toMatchObject({ env: 'H' })
    expect(await loadExperiment({ file: fileOf(Buffer.from(`${mark}env: H\r\n`, 'utf16le')) })).toMatchObject({
      env: 'H',
    })
    const gate = await readExpectations(fileOf(`${mark}- { metric: unified, min: 0.2 }\n`))
    expect(gate).toHaveLength(1)
    for (const encoding of ['utf8', 'utf16le'] as const) {
      const table = fileOf(Buffer.from(`${mark}round,merge,accuracy\n1,avg,0.4\n`, encoding), 'reference.csv')
      const rows = await readRows(table, { most: 1000 }, ['round', 'merge', 'accuracy'], { texts: ['merge'] })
      expect(rows).toEqual([{ round: 1, merge: 'avg', accuracy: 0.4, line: 2 }])
    }
  })
})

describe('a key of `when`', () => {
  it.each([
    ['evn', 'exp.yaml:2: unknown key "evn" in when', 'did you mean env?'],
    ['env.dirichlet.aplha', 'unknown key "env.dirichlet.aplha" in when', 'did you mean env.dirichlet.alpha?'],
    ['batch_size', 'unknown key "batch_size" in when', 'did you mean batch?'],
    ['clients', 'unknown key "clients" in when', 'did you mean owners?'],
    ['zzz', 'unknown key "zzz" in when', 'name keys of an experiment, for example when: { env: H }'],
  ])('that is mistyped is told before the run: %s', async (key, message, hint) => {
    const text = `env: H\nexpect: [{ metric: unified, min: 0.1, when: { ${key}: H } }]\n`
    await expect(load(text)).rejects.toMatchObject({
      code: 'E_UNKNOWN_NAME',
      message: expect.stringContaining(message),
      hint,
    })
  })

  it('may be an option of a part', async () => {
    const when = '{ env: H, alpha: 0.3, env.dirichlet.alpha: 0.3 }'
    const { expect: expected } = await load(`expect: [{ metric: unified, min: 0.1, when: ${when} }]\n`)
    expect(expected).toHaveLength(1)
  })
})

it('an option goes with its part, and null takes it back', async () => {
  const text = 'env: dirichlet\nalpha: 0.5\n'
  expect((await load(text, { flags: { env: 'H' } })).env).toBe('H')
  expect((await load(text, { flags: { env: 'H' }, set: ['alpha=null'] })).env).toBe('H')
  expect((await load(text, { set: ['env=null', 'alpha=~'] })).env).toBe('V')
  await expect(load(text, { set: ['alpha=null'] })).rejects.toThrow('env dirichlet needs alpha')
})

it('a folder is named after its file', async () => {
  const place = temporaryFolder()
  mkdirSync(join(place, 'x'))
  const named = async (name: string) => {
    writeFileSync(join(place, name), '')
    return (await loadExperiment({ file: join(place, name) })).name
  }
  expect(await named('my study.yaml')).toBe('my-study')
  expect(await named('.hidden (2).yaml')).toBe('hidden-2')
  await expect(named('(!).yaml')).rejects.toThrow('(!).yaml: no folder can be named after it')
})
