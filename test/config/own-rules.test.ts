import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findRule, ownRules } from '../../src/algorithm/merge/own-rule.ts'
import { expand, expandFile } from '../../src/config/expand.ts'
import { configHash, decisive } from '../../src/config/hash.ts'
import { type ExperimentRequest, experimentSources, loadExperiment } from '../../src/config/load.ts'
import { settings } from '../../src/config/origin.ts'
import { withOwnRules } from '../../src/config/parts/own-rules.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'
import { fileSource } from '../../src/config/source.ts'
import { nameOf, optionsOf } from '../../src/parts.ts'
import { temporaryFolder } from '../support/folder.ts'
import { put, ruleText } from '../support/own-rule.ts'

const EXAMPLE = readFileSync('examples/my-rule.mjs', 'utf8')

/** A folder with an experiment file, the example as ./my-rule.mjs and in ./rules, and other files. */
function folderOf(text: string, files: Readonly<Record<string, string>> = {}): string {
  const folder = temporaryFolder()
  put(folder, 'exp.yaml', text)
  for (const name of ['my-rule.mjs', 'rules/my-rule.mjs']) put(folder, name, EXAMPLE)
  for (const [name, content] of Object.entries(files)) put(folder, name, content)
  return folder
}

const load = (folder: string, request: ExperimentRequest = {}) =>
  loadExperiment({ file: join(folder, 'exp.yaml'), ...request })

async function mergeOf(text: string, request: ExperimentRequest = {}): Promise<unknown> {
  const { merge } = await load(folderOf(text), request)
  return merge.map((choice) => [nameOf(choice), optionsOf(choice)])
}

/** What is said, with the folder left out. */
async function refusal(folder: string, request: ExperimentRequest = {}): Promise<[string, string]> {
  const error = await load(folder, request).then(
    () => new Error('it was accepted'),
    (e) => e,
  )
  expect(error).toMatchObject({ name: 'FedunifyError', exitCode: 2 })
  return [error.message.replaceAll(`${folder}/`, ''), String(error.hint ?? '').replaceAll(`${folder}/`, '')]
}

const AT = (p: number) => [
  ['avg', {}],
  ['my-rule', { p }],
]

describe('a rule of the user’s own', () => {
  it.each<[string, ExperimentRequest, number]>([
    ['merge: [avg, ./my-rule.mjs]\n', {}, 0.5],
    ['merge: avg,my-rule.mjs\n', {}, 0.5],
    ['merge: [avg, { ./my-rule.mjs: { p: 0.4 } }]\n', {}, 0.4],
    ['merge: [avg, { ./my-rule.mjs: }]\n', {}, 0.5],
    ['merge:\n  - avg\n  - ./rules/my-rule.mjs:p=0.4\n', {}, 0.4],
    ['merge: [avg, ./my-rule.mjs]\n', { set: ['merge.my-rule.p=0.2'] }, 0.2],
    ['merge: [avg, ./my-rule.mjs]\nmerge.my-rule.p: 0.3\n', {}, 0.3],
    ['merge: [max, ./my-rule.mjs:p=0.7]\n', { flags: { merge: 'avg,my-rule' } }, 0.7],
    ['merge: ./gone.mjs\n', { set: ['merge=[avg, { examples/my-rule.mjs: { p: 0.1 } }]'] }, 0.1],
    ['merge: [./my-rule.mjs:p=0.9]\n', { flags: { merge: 'avg,./examples/my-rule.mjs' } }, 0.9],
  ])('stands where a name may: %j with %j', async (text, request, p) => {
    expect(await mergeOf(text, request)).toEqual(AT(p))
  })

  it('drives a run that has no other name by its own', async () => {
    const { name, merge } = await loadExperiment({ flags: { merge: './examples/my-rule.mjs,max' } })
    expect(name).toBe('V-my-rule-max')
    expect(findRule(merge[0]!)).toMatchObject({ needs: 'each', when: 'one line on when to use it' })
    expect(ownRules(merge)).toMatchObject([{ name: 'my-rule', file: 'my-rule.mjs' }])
  })

  it('is told by its content, wherever it lies', async () => {
    const text = 'merge: [avg, ./my-rule.mjs]\n'
    const one = await load(folderOf(text))
    const moved = await load(folderOf('merge: [avg, ./rules/my-rule.mjs]\n'))
    const changed = await load(folderOf(text, { 'my-rule.mjs': `${EXAMPLE}\n` }))
    const renamed = await load(folderOf('merge: [avg, ./other.mjs]\n', { 'other.mjs': EXAMPLE }))
    expect(configHash(moved)).toBe(configHash(one))
    expect(new Set([one, changed, renamed].map(configHash)).size).toBe(3)
    expect(decisive(one)).toMatchObject({
      merge: ['avg', 'my-rule:p=0.5'],
      'my-rule.mjs': expect.stringMatching(/^sha256 \w{12}$/),
    })
    expect(JSON.stringify(one)).not.toContain('/')
  })

  it('is loaded anew once its file has changed', async () => {
    const folder = folderOf('merge: ./my-rule.mjs\n')
    await load(folder)
    put(folder, 'my-rule.mjs', ruleText())
    expect(findRule((await load(folder)).merge[0]!)?.summary).toBe('a rule of this test')
  })

  it('may be exported by name, and without options', async () => {
    const text = ruleText().replace('export default', 'export const rule =')
    const { merge } = await load(folderOf('merge: [./named.mjs, avg]\n', { 'named.mjs': text }))
    expect(merge.map(optionsOf)).toEqual([{}, {}])
  })

  it('is asked for if a name is none', async () => {
    const [message, hint] = await refusal(folderOf('merge: [avg, midrange]\n'))
    expect(message).toMatch(/^exp.yaml:1: merge.1: expected one of avg, .*, got "midrange"$/)
    expect(hint).toBe("a rule of one's own goes by its file, as in --merge ./my-rule.mjs")
  })

  it('may be expected of, and be told apart by a when', async () => {
    const expectation = (merge: string) => `expect: [{ metric: unified, merge: ${merge}, min: 0.1 }]\n`
    const text = 'merge: [avg, ./my-rule.mjs]\n'
    expect((await load(folderOf(text + expectation('my-rule')))).expect).toMatchObject([{ merge: 'my-rule' }])
    expect(await refusal(folderOf(text + expectation('my-rul')))).toEqual([
      expect.stringMatching(/^exp.yaml:2: expect.0.merge: expected one of avg, .*, pooled, my-rule, got "my-rul"$/),
      'did you mean my-rule?',
    ])
  })
})

describe('its options', () => {
  const withOptions = (options: string) => ({
    'my-rule.mjs': ruleText(`options: ${options}, make: () => (values, _owners, out) => { out.set(values[0]) }`),
  })
  const ZOD = `import { z } from ${JSON.stringify(join(process.cwd(), 'node_modules/zod/index.js')).replace('"/', '"file:///')}\n`

  it('may be of every kind', async () => {
    const kinds = `{
      a: { type: 'number', default: 0.5 }, b: { type: 'integer', min: 1, default: 2 }, c: { type: 'boolean' },
      d: { type: 'string', values: ['one', 'two'], default: 'two' }, e: { type: 'string' },
    }`
    const { merge } = await load(folderOf('merge: ./my-rule.mjs:c=true:e=7\n', withOptions(kinds)))
    expect(merge.map(optionsOf)).toEqual([{ a: 0.5, b: 2, c: true, d: 'two', e: '7' }])
  })

  it('may be an object of a zod of the user’s own, which becomes strict', async () => {
    const zod = withOptions('z.object({ k: z.int().min(1).default(3) })')['my-rule.mjs']
    const folder = folderOf('merge: ./my-rule.mjs:k=4\n', { 'my-rule.mjs': ZOD + zod })
    expect((await load(folder)).merge.map(optionsOf)).toEqual([{ k: 4 }])
    expect(await refusal(folder, { set: ['merge.my-rule.j=1'] })).toEqual([
      '--set merge.my-rule.j: unknown key "j" in merge.my-rule',
      'expected one of k',
    ])
  })

  it('must stay what they are when a run folder keeps them', async () => {
    const zod = withOptions('z.object({ k: z.string().transform(Number) })')['my-rule.mjs']
    expect(await refusal(folderOf('merge: [avg, ./my-rule.mjs:k=4]\n', { 'my-rule.mjs': ZOD + zod }))).toEqual([
      'exp.yaml:1: the options of my-rule are not the same once they are written and read',
      'options are numbers, words and lists of them, without transforms',
    ])
  })

  it.each<[string, ExperimentRequest, string, string?]>([
    ['[avg, { ./my-rule.mjs: { p: 2 } }]', {}, 'exp.yaml:1: merge.my-rule.p: expected a number of at most 1, got 2'],
    ['\n  - ./my-rule.mjs:\n      p: x', {}, 'exp.yaml:3: merge.my-rule.p: expected a number, got "x"'],
    ['\n  - ./my-rule.mjs:\n      pp: 1', {}, 'exp.yaml:3: unknown key "pp" in merge.0.my-rule', 'keys are p'],
    ['./my-rule.mjs:p', {}, 'exp.yaml:1: expected my-rule:p=value, got "p" after my-rule:'],
    ['avg', { flags: { merge: './examples/my-rule.mjs:p=2' } }, '--merge: p: expected a number of at most 1, got 2'],
    [
      './my-rule.mjs',
      { set: ['merge.my-rul.p=1'] },
      '--set merge.my-rul.p: unknown key "my-rul" in merge',
      'did you mean my-rule?',
    ],
    ['avg', { set: ['merge.my-rule.p=1'] }, '--set merge.my-rule.p: unknown key "my-rule" in merge'],
  ])('%j with %j is refused as that of a built-in rule', async (merge, request, message, hint = '') => {
    const [got, told] = await refusal(folderOf(`merge: ${merge}\n`), request)
    expect(got).toBe(message)
    expect(told).toContain(hint)
  })

  it('are told by their own values, not by the names of rules', async () => {
    const folder = folderOf(
      'merge: ./my-rule.mjs:m=thre\n',
      withOptions("{ m: { type: 'string', values: ['one', 'three'] } }"),
    )
    expect(await refusal(folder)).toEqual([
      'exp.yaml:1: merge.my-rule.m: expected one of one, three, got "thre"',
      'did you mean three?',
    ])
  })

  it('are missed if they have no default', async () => {
    const folder = folderOf('merge: ./my-rule.mjs\n', withOptions("{ k: { type: 'integer', describe: 'how many' } }"))
    expect(await refusal(folder)).toEqual([
      'exp.yaml:1: merge my-rule needs k: how many',
      'for example --set "merge.my-rule.k=VALUE"',
    ])
  })

  it.each([
    ['7', 'options must be a description of each, got 7'],
    ['{ p: 3 }', 'options.p: must be a description, got 3'],
    ["{ p: { type: 'float' } }", 'options.p: type must be number, integer, boolean or string'],
    ["{ p: { type: 'number', minimum: 3 } }", 'options.p: minimum is not known with that type'],
    ["{ p: { type: 'number', min: 'x' } }", 'options.p: min cannot be "x"'],
    ["{ p: { type: 'number', max: 1, default: 2 } }", 'options.p: default is 2, which its own limits do not allow'],
    ["{ 'p=': { type: 'number' } }", 'options: "p=" is no name: letters, digits, - and _'],
    ['{ _def: {} }', 'options must be an object of zod 4, or a description of each'],
    ["{ _zod: { def: { type: 'string' } } }", 'options must be an object of zod 4, or a description of each'],
  ])('described as %s are refused', async (options, message) => {
    const [got] = await refusal(folderOf('merge: ./my-rule.mjs\n', withOptions(options)))
    expect(got).toBe(`exp.yaml:1: ./my-rule.mjs: ${message}`)
  })
})

describe('a file that makes no rule is refused', () => {
  it.each<[string, string, string]>([
    ['export default {', '/my-rule.mjs:\\d+: Unexpected end of input/', 'it must export default'],
    ['export default {\n  a: ),\n}\n', ":2: Unexpected token ')'", 'it must export default'],
    ['const a = 1\n\nthrow new Error("no")\n', ':3: threw no', 'mend the file'],
    [
      'import x from "no-such-package"\nexport default x\n',
      '/^(:1)?: Cannot find package .no-such-package/',
      'install it',
    ],
    ['export default 1\nimport { a } from "./other.mjs"\n', ':2: imports ./other.mjs', 'a rule is one file'],
    [
      'const { a } = await import("../other.mjs")\nexport default a\n',
      ':1: imports ../other.mjs',
      'a rule is one file',
    ],
    ['export const midrange = {}\n', ': exports no rule', 'it must export default'],
    ['export default () => {}\n', ': exports a function, not a rule', 'it must export default'],
    ['export default []\n', ': exports [], not a rule', 'it must export default'],
    [
      'export default {}\n',
      ': summary is missing, source is missing, when is missing, needs is missing, make is missing',
      'it must export default',
    ],
    [
      'export default { summary: 1, source: "", when: "a\\nb", needs: "all", make: 3, check: "x", option: {} }\n',
      ": summary must be a line, source must be a line, when must be a line, needs must be 'each' or 'sum', " +
        'make must be a function, check must be a function, is "option" meant to be options?',
      'it must export default',
    ],
  ])('%j', async (text, message, hint) => {
    const [got, told] = await refusal(folderOf('merge: [avg, ./my-rule.mjs]\n', { 'my-rule.mjs': text }))
    const begin = 'exp.yaml:1: ./my-rule.mjs'
    if (message.startsWith('/')) expect(got).toMatch(new RegExp(message.slice(1, -1).replace('^', begin)))
    else expect(got).toBe(begin + message)
    expect(told).toContain(hint)
  })

  it.each<[string, string, string]>([
    ['./gone.mjs', ': no such file', 'looked for gone.mjs'],
    ['./rules', ': the file of a rule ends with .mjs or .js', 'name the file itself'],
    ['../my-rule.ts:p=1', ': the file of a rule ends with .mjs or .js', 'name the file itself'],
    ['./avg.mjs', ': the name avg is that of a built-in rule', 'rename the file'],
    ['./pooled.mjs', ': the name pooled is that of another column', 'rename the file'],
    ['./local_1.js', ': the name local_1 is that of another column', 'rename the file'],
    ['./my rule.mjs', ': my rule cannot be the name of a rule', 'name the file with letters, digits, - and _'],
    ['./a.b.mjs', ': a.b cannot be the name of a rule', 'name the file with letters, digits, - and _'],
    ['./folder.mjs', ': not a plain file', 'it must export'],
  ])('%s', async (file, message, hint) => {
    const folder = folderOf(`merge: [avg, "${file}"]\n`, { 'folder.mjs/x': '', 'avg.mjs': EXAMPLE })
    const [got, told] = await refusal(folder)
    expect(got).toBe(`exp.yaml:1: ${file.replace(':p=1', '')}${message}`)
    expect(told).toContain(hint)
  })

  it('whose name another one in the experiment has', async () => {
    expect(await refusal(folderOf('merge: [./my-rule.mjs, ./rules/my-rule.mjs]\n'))).toEqual([
      'exp.yaml:1: ./rules/my-rule.mjs and ./my-rule.mjs have the same name, my-rule',
      'rename one of the files',
    ])
    expect(await refusal(folderOf('merge: [./my-rule.mjs:p=0.1, ./my-rule.mjs:p=0.2]\n'))).toEqual([
      'exp.yaml:1: merge names my-rule twice',
      'name each rule once; the first drives the run',
    ])
  })
})

describe('a matrix', () => {
  it('may go over rules of the user’s own, and over their options', async () => {
    const file = join(
      folderOf('matrix:\n  merge: [[avg, ./my-rule.mjs], ./my-rule.mjs:p=0.1, max]\n  merge.my-rule.p: [0.2, 0.3]\n'),
      'exp.yaml',
    )
    const runs = await expandFile(file, ['merge=[avg, my-rule]'])
    expect(runs.map(({ group, experiment }) => [group, ...experiment.merge.map(optionsOf)])).toEqual([
      ['avg+my_rule-0.2', {}, { p: 0.2 }],
      ['avg+my_rule-0.3', {}, { p: 0.3 }],
    ])
    const [one] = await expandFile(join(folderOf('matrix: { merge: [[avg, ./my-rule.mjs]] }\n'), 'exp.yaml'))
    expect(one!.id).toBe(`avg+my_rule-s0-${configHash(one!.experiment).slice(0, 8)}`)
  })

  it('refuses a file that is not there at its line', async () => {
    const file = join(folderOf('matrix:\n  merge:\n    - avg\n    - [avg, ./gone.mjs]\n'), 'exp.yaml')
    await expect(expandFile(file)).rejects.toThrow('exp.yaml:4: ./gone.mjs: no such file')
  })
})

describe('an experiment that is only shown', () => {
  it('needs no rule and runs none', async () => {
    const folder = folderOf('merge: [avg, { ./my-rule.mjs: { p: 7, q: x } }]\n')
    rmSync(join(folder, 'my-rule.mjs'))
    const request = { file: join(folder, 'exp.yaml'), set: ['merge.my-rule.r=1'] }
    const written = await fileSource(request.file)
    const { sources, ...own } = await withOwnRules(experimentSources(written, request), { load: false })
    const shown = settings(resolveExperiment(sources, request.file, own), sources, own.vocabulary)
    const merge = shown.filter(({ key }) => key.startsWith('merge'))
    expect(merge.map(({ key, value, place }) => [key, value, place?.replace(`${folder}/`, '')])).toEqual([
      ['merge', ['avg', 'my-rule'], 'exp.yaml:1'],
      ['merge.my-rule.p', 7, 'exp.yaml:1'],
      ['merge.my-rule.q', 'x', 'exp.yaml:1'],
      ['merge.my-rule.r', 1, '--set merge.my-rule.r'],
    ])
  })

  it('has no hash in the name of its run', async () => {
    const folder = folderOf('matrix: { merge: [[avg, ./gone.mjs]] }\n')
    const written = await fileSource(join(folder, 'exp.yaml'))
    const runs = await expand(written, join(folder, 'exp.yaml'), [], { load: false })
    expect(runs.map(({ id }) => id)).toEqual(['avg+gone-s0'])
  })
})
