import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { expandFile } from '../../src/config/expand.ts'
import { configHash, decisive } from '../../src/config/hash.ts'
import { type ExperimentRequest, loadExperiment } from '../../src/config/load.ts'
import { choices } from '../../src/config/parts/choice.ts'
import type { ChoiceKeys } from '../../src/config/parts/choice-keys.ts'
import { hasValues } from '../../src/config/parts/when.ts'
import { settle } from '../../src/config/settle.ts'
import type { Source } from '../../src/config/source.ts'
import { choice } from '../../src/part-choice.ts'
import { choiceText, make, nameOf, optionsOf, type Part } from '../../src/parts.ts'
import { temporaryFolder } from '../support/folder.ts'

function fileOf(text: string): string {
  const file = join(temporaryFolder(), 'exp.yaml')
  writeFileSync(file, text)
  return file
}

const load = (text: string, request: ExperimentRequest = {}) => loadExperiment({ file: fileOf(text), ...request })

async function refusal(text: string, request: ExperimentRequest = {}): Promise<[message: string, hint: string]> {
  const error = await load(text, request).then(
    () => new Error('it was accepted'),
    (e) => e,
  )
  expect(error).toMatchObject({ name: 'FedunifyError', kind: 'usage' })
  return [error.message.replace(/^\/[^:]*\//, ''), error.hint]
}

const DIRICHLET = { dirichlet: { alpha: 0.3 } }

describe('a part', () => {
  it.each([
    ['env: dirichlet\nalpha: 0.3\n'],
    ['alpha: 0.3\nenv: dirichlet\n'],
    ['env: { dirichlet: { alpha: 0.3 } }\n'],
    ['env: { dirichlet: }\nalpha: 0.3\n'],
    ['env: dirichlet:alpha=0.3\n'],
    ['env: dirichlet\nenv.dirichlet.alpha: 0.3\n'],
  ])('may be written as %j', async (text) => {
    expect((await load(text)).env).toEqual(DIRICHLET)
  })

  it.each<[ExperimentRequest]>([
    [{ flags: { env: 'dirichlet', alpha: '0.3' } }],
    [{ flags: { env: 'dirichlet:alpha=0.3' } }],
    [{ flags: { env: '{ dirichlet: { alpha: 0.3 } }' } }],
    [{ set: ['env=dirichlet', 'alpha=0.3'] }],
    [{ set: ['env=dirichlet', 'env.dirichlet.alpha=0.3'] }],
    [{ set: ['env=dirichlet', 'env.dirichlet={alpha: 0.3}'] }],
    [{ set: ['alpha=0.3'], flags: { env: 'dirichlet' } }],
  ])('may be given as %j', async (request) => {
    expect((await loadExperiment(request)).env).toEqual(DIRICHLET)
  })

  it('is its name if it has no options, and has every default if it has some', async () => {
    expect(await load('env: { H: {} }\noptimizer: momentum\nlr-schedule: { step: { rounds: 3 } }\n')).toMatchObject({
      env: 'H',
      optimizer: { momentum: { momentum: 0.9 } },
      'lr-schedule': { step: { rounds: 3, factor: 0.1 } },
      merge: ['avg'],
    })
  })

  it('gives the same hash with a default given or not, however it is written', async () => {
    const hash = async (text: string) => configHash(await load(text))
    const step = await hash('lr-schedule: step\n')
    expect(await hash('lr-schedule: { step: { rounds: 10, factor: 0.1 } }\n')).toBe(step)
    expect(await hash('lr-schedule: { step: { factor: 0.1, rounds: 10 } }\n')).toBe(step)
    expect(await hash('lr-step-factor: 0.1\nlr-schedule: step\n')).toBe(step)
    expect(await hash('lr-schedule: step\nlr-step-rounds: 9\n')).not.toBe(step)
    expect(await hash('local-epochs: 1\n')).toBe(await hash(''))
  })

  it('is told on one line where runs are compared', async () => {
    const text = 'env: dirichlet:alpha=0.3\nlr-schedule: step\nmerge: [avg, max]\n'
    expect(decisive(await load(text))).toMatchObject({
      env: 'dirichlet:alpha=0.3',
      'lr-schedule': 'step:factor=0.1:rounds=10',
      merge: ['avg', 'max'],
      optimizer: 'sgd',
    })
  })

  it('can have labels with commas and colons on a command line', async () => {
    const lists = [[0, 1], [2]]
    expect((await loadExperiment({ flags: { env: 'labels:lists=[[0,1],[2]]' } })).env).toEqual({ labels: { lists } })
    expect((await loadExperiment({ flags: { env: 'labels', labels: '[[0,1],[2]]' } })).owners).toBe(2)
  })
})

describe('an option of a part that was not chosen', () => {
  it.each<[string, ExperimentRequest, string, string]>([
    [
      'seed: 1\nmomentum: 0.5\n',
      {},
      'exp.yaml:2: momentum is an option of optimizer momentum, but optimizer is sgd',
      'add optimizer: momentum, or remove momentum',
    ],
    [
      '',
      { flags: { momentum: '0.5' } },
      '--momentum: momentum is an option of optimizer momentum, but optimizer is sgd',
      'add --optimizer momentum, or remove momentum',
    ],
    [
      '',
      { flags: { 'lr-step-rounds': '3', 'lr-schedule': 'cosine' } },
      '--lr-step-rounds: lr-step-rounds is an option of lr-schedule step, but lr-schedule is cosine',
      'add --lr-schedule step, or remove lr-step-rounds',
    ],
    [
      '',
      { set: ['env.dirichlet.alpha=0.3'] },
      '--set env.dirichlet.alpha: env.dirichlet.alpha is an option of env dirichlet, but env is V',
      'add --env dirichlet, or remove env.dirichlet.alpha',
    ],
    ['alpha: 3\n', { flags: { env: 'H' } }, 'exp.yaml:1: alpha is an option of env dirichlet, but env is H', 'add env'],
    ['env: H\nalpha: 3\n', {}, 'exp.yaml:2: alpha is an option of env dirichlet, but env is H', 'add env: dirichlet'],
    [
      '',
      { flags: { 'max-local-epochs': '5' } },
      '--max-local-epochs: max-local-epochs is given without until-local-accuracy',
      'use local-epochs, or add until-local-accuracy',
    ],
    [
      'until-local-accuracy: 0.9\nlocal-epochs: 2\n',
      {},
      'exp.yaml:2: local-epochs is given beside until-local-accuracy',
      'limit the epochs with max-local-epochs, or remove one',
    ],
  ])('%j with %j is refused', async (text, request, message, hint) => {
    const [got, told] = await refusal(text, request)
    expect(got).toBe(message)
    expect(told).toContain(hint)
  })

  it('goes with its part, if a later source chooses another', async () => {
    expect((await load('env: dirichlet\nalpha: 0.5\n', { flags: { env: 'H' } })).env).toBe('H')
    expect((await load('env: { dirichlet: { alpha: 0.5 } }\n', { set: ['env=H'] })).env).toBe('H')
    expect((await load('optimizer: momentum\nmomentum: 0.5\n', { flags: { optimizer: 'adam' } })).optimizer).toBe(
      'adam',
    )
    expect(await load('until-local-accuracy: 0.9\nmax-local-epochs: 3\n', { flags: { 'local-epochs': '2' } })).toEqual(
      await load('local-epochs: 2\n'),
    )
    expect(await load('local-epochs: 2\n', { flags: { 'until-local-accuracy': '0.9' } })).toEqual(
      await load('until-local-accuracy: 0.9\n'),
    )
  })

  it('stays with its part, if a later source chooses the same', async () => {
    const text = 'lr-schedule: { step: { rounds: 3, factor: 0.5 } }\n'
    const schedule = async (request: ExperimentRequest) => (await load(text, request))['lr-schedule']
    expect(await schedule({ flags: { 'lr-schedule': 'step' } })).toEqual({ step: { rounds: 3, factor: 0.5 } })
    expect(await schedule({ flags: { 'lr-step-rounds': '4' } })).toEqual({ step: { rounds: 4, factor: 0.5 } })
    expect(await schedule({ set: ['lr-schedule={step: {factor: 0.2}}'] })).toEqual({ step: { rounds: 3, factor: 0.2 } })
    expect((await load('alpha: 0.5\n', { flags: { env: 'dirichlet:alpha=0.3' } })).env).toEqual(DIRICHLET)
    expect(await schedule({ set: ['lr-schedule=constant'], flags: { 'lr-schedule': 'step' } })).toEqual({
      step: { rounds: 10, factor: 0.1 },
    })
  })
})

describe('null', () => {
  it.each<[string, string[], object]>([
    ['lr: 0.3\nbatch: 8\n', ['lr=null'], { lr: 0.1, batch: 8 }],
    ['lr: 0.3\n', ['lr=~'], { lr: 0.1 }],
    ['env: dirichlet\nalpha: 0.5\n', ['env=null'], { env: 'V' }],
    ['optimizer: momentum\nmomentum: 0.5\n', ['momentum=null'], { optimizer: { momentum: { momentum: 0.9 } } }],
    ['optimizer: momentum:momentum=0.5\n', ['optimizer.momentum=null'], { optimizer: { momentum: { momentum: 0.9 } } }],
    ['momentum: 0.5\n', ['momentum=null'], { optimizer: 'sgd' }],
    ['env: V\n', ['alpha=null'], { env: 'V' }],
    ['normalise: { mean: 0.1, std: 0.2 }\n', ['normalise.mean=null'], { normalise: { mean: 0.286, std: 0.2 } }],
    ['data: there\nout: here\n', ['data=null', 'out=null'], { out: 'results' }],
    ['merge: [max]\n', ['merge=null'], { merge: ['avg'] }],
    ['until-local-accuracy: 0.9\nmax-local-epochs: 3\n', ['until-local-accuracy=null'], { 'local-epochs': 1 }],
  ])('%j with --set %j takes a key back', async (text, set, expected) => {
    const experiment = await load(text, { set })
    expect(experiment).toMatchObject(expected)
    if (set.includes('data=null')) expect(experiment.data).toBeUndefined()
  })

  it('as a flag does so too, and nothing is no null', async () => {
    expect(await load('lr: 0.3\n', { flags: { lr: 'null' } })).toMatchObject({ lr: 0.1 })
    expect((await refusal('', { set: ['lr='] }))[0]).toBe('--set lr: expected a number, got null')
    expect((await refusal('', { set: ['lrr=null'] }))[0]).toBe('--set lrr: unknown key "lrr"')
    expect((await refusal('env: dirichlet\nalpha: 0.5\n', { set: ['alpha=null'] }))[0]).toMatch(
      /^exp.yaml:1: env dirichlet needs alpha/,
    )
    expect((await refusal('alpha: null\nenv: dirichlet\n'))[0]).toBe('exp.yaml:1: alpha: expected a number, got null')
  })
})

describe('a part that is written wrong', () => {
  it.each<[string, ExperimentRequest, string, string?]>([
    [
      'env:\n  dirichlet:\n    aplha: 0.3\n',
      {},
      'exp.yaml:3: unknown key "aplha" in env.dirichlet',
      'did you mean alpha?',
    ],
    ['seed: 1\naplha: 0.3\n', {}, 'exp.yaml:2: unknown key "aplha"', 'did you mean alpha?'],
    ['env:\n  dirchlet: { alpha: 1 }\n', {}, 'exp.yaml:2: unknown key "dirchlet" in env', 'did you mean dirichlet?'],
    ['env: { dirichlet: 3 }\n', {}, 'exp.yaml:1: env.dirichlet: expected keys and values, got 3'],
    ['env: { dirichlet: { alpha: x } }\n', {}, 'exp.yaml:1: env.dirichlet.alpha: expected a number, got "x"'],
    ['env: dirichlet\nalpha: 0\n', {}, 'exp.yaml:2: alpha: expected a number above 0, got 0'],
    ['env: dirichlet:alpha=0\n', {}, 'exp.yaml:1: env.dirichlet.alpha: expected a number above 0, got 0'],
    ['env: {}\n', {}, 'exp.yaml:1: env: expected one name, got {}'],
    ['env: { V: {}, H: {} }\n', {}, 'exp.yaml:1: env: expected one name, got {"V":{},"H":{}}'],
    ['env: { V: { alpha: 1 } }\n', {}, 'exp.yaml:1: unknown key "alpha" in env.V'],
    ['env: [V]\n', {}, 'exp.yaml:1: env: expected one of V, H, labels, dirichlet, got ["V"]'],
    ['env: null\n', {}, 'exp.yaml:1: env: expected one of V, H, labels, dirichlet, got null'],
    ['env: dirichlt\nalpha: 0.3\n', {}, 'exp.yaml:1: env: expected one of V, H, labels, dirichlet, got "dirichlt"'],
    ['env: { __proto__: {} }\n', {}, 'exp.yaml:1: unknown key "__proto__" in env'],
    ['env: toString\n', {}, 'exp.yaml:1: env: expected one of V, H, labels, dirichlet, got "toString"'],
    [
      'env: { dirichlet: { alpha: 1 } }\nalpha: 2\n',
      {},
      'exp.yaml:2: alpha is given twice, as env.dirichlet.alpha too',
      'keep one of the two',
    ],
    ['merge: { avg: , max: }\n', {}, 'exp.yaml:1: merge.0: expected one name, got {"avg":{},"max":{}}'],
    ['merge: 3\n', {}, 'exp.yaml:1: merge.0: expected one of avg, '],
    ['merge: [[avg]]\n', {}, 'exp.yaml:1: merge.0: expected one of avg,'],
    ['', { flags: { env: 'dirichlet:alpha' } }, '--env: expected dirichlet:alpha=value, got "alpha" after dirichlet:'],
    ['', { flags: { env: 'dirichlet:' } }, '--env: env dirichlet needs alpha: '],
    ['', { flags: { env: 'dirichlet:alpha=' } }, '--env: alpha: expected a number, got null'],
    ['', { flags: { env: 'dirichlet:alpha=x' } }, '--env: alpha: expected a number, got "x"'],
    ['', { flags: { env: 'dirichlet:alpha=[' } }, '--env: alpha: Flow sequence must end with a ]'],
    ['', { flags: { env: 'dirichlet:aplha=1' } }, '--env: aplha: unknown key "aplha" in env.dirichlet'],
    ['', { flags: { env: 'H:alpha=1' } }, '--env: alpha: unknown key "alpha" in env.H'],
    ['', { set: ['env.dirichlet.alpha.x=1'] }, '--set env.dirichlet.alpha.x: no key reaches that deep'],
    ['', { set: ['env.dirichlet.aplha=1'] }, '--set env.dirichlet.aplha: unknown key "aplha" in env.dirichlet'],
    [
      '',
      { set: ['env.dirchlet.alpha=1'] },
      '--set env.dirchlet.alpha: unknown key "dirchlet" in env',
      'did you mean d',
    ],
    ['', { set: ['env.dirichlet=1'] }, '--set env.dirichlet: expected keys and values, got 1'],
    ['', { set: ['env.=1'] }, '--set env.: unknown key "" in env'],
    ['', { set: ['merge.max.beta=1'] }, '--set merge.max.beta: unknown key "beta" in merge.max'],
  ])('%j with %j: %s', async (text, request, message, hint) => {
    const [got, told] = await refusal(text, request)
    expect(got.startsWith(message), got).toBe(true)
    if (hint) expect(told).toContain(hint)
  })
})

describe('a matrix', () => {
  const envs = async (text: string, set: string[] = []) =>
    (await expandFile(fileOf(text), set)).map(({ group, experiment }) => [group, experiment.env])

  it('may have an option beside parts that do not take it', async () => {
    const sweep = 'alpha: 0.5\nmatrix: { env: [V, H, dirichlet] }\n'
    const half = { dirichlet: { alpha: 0.5 } }
    expect(await envs(sweep)).toEqual([
      ['V', 'V'],
      ['H', 'H'],
      ['dirichlet', half],
    ])
    expect(await envs(sweep, ['env=H'])).toEqual([['H', 'H']])
    expect(await envs(sweep, ['env.dirichlet.alpha=2'])).toEqual([
      ['V', 'V'],
      ['H', 'H'],
      ['dirichlet', { dirichlet: { alpha: 2 } }],
    ])
    await expect(envs('alpha: 0.5\nmatrix: { env: [V, H] }\n')).rejects.toThrow(/alpha is an option of env dirichlet/)
    // Of what does not take it there is one run, however many values it has.
    expect(await envs('matrix: { env: [V, dirichlet], alpha: [1, 2] }\n')).toEqual([
      ['V', 'V'],
      ['dirichlet-1', { dirichlet: { alpha: 1 } }],
      ['dirichlet-2', { dirichlet: { alpha: 2 } }],
    ])
    await expect(envs('env: H\nmatrix: { alpha: [1, 2] }\n')).rejects.toThrow(/but env is H/)
  })

  it('may go over parts with their options, and over options', async () => {
    expect(await envs('matrix: { env: [H, { dirichlet: { alpha: 0.3 } }, "dirichlet:alpha=1"] }\n')).toEqual([
      ['H', 'H'],
      ['dirichlet_alpha_0.3', DIRICHLET],
      ['dirichlet_alpha_1', { dirichlet: { alpha: 1 } }],
    ])
    expect(await envs('env: dirichlet\nmatrix: { alpha: [0.3] }\n')).toEqual([['0.3', DIRICHLET]])
    expect(await envs('env: dirichlet\nmatrix: { env.dirichlet.alpha: [0.3] }\n')).toEqual([['0.3', DIRICHLET]])
    expect(await envs('matrix: { env: [V, H] }\n', ['env=null'])).toEqual([['', 'V']])
    await expect(envs('matrix: { env.dirichlet.aplha: [0.3] }\n')).rejects.toThrow(
      'unknown key "env.dirichlet.aplha" in matrix',
    )
  })
})

describe('an expectation’s when', () => {
  it.each<[string, object, boolean]>([
    ['env: H\n', { env: 'H' }, true],
    ['env: H\n', { env: 'V' }, false],
    ['env: dirichlet:alpha=0.3\n', { env: 'dirichlet' }, true],
    ['env: dirichlet:alpha=0.3\n', { env: DIRICHLET }, true],
    ['env: dirichlet:alpha=0.3\n', { env: 'dirichlet:alpha=0.3' }, true],
    ['env: dirichlet:alpha=0.3\n', { env: { dirichlet: { alpha: 0.4 } } }, false],
    ['env: dirichlet:alpha=0.3\n', { alpha: 0.3 }, true],
    ['env: dirichlet:alpha=0.3\n', { 'env.dirichlet.alpha': 0.3 }, true],
    ['env: H\n', { alpha: 0.3 }, false],
    ['merge: [avg, max]\n', { merge: ['avg', 'max'] }, true],
    ['merge: avg\n', { merge: 'avg' }, true],
    ['merge: [avg, max]\n', { merge: 'avg' }, false],
    ['merge: avg\n', { merge: 3 }, false],
    ['', { lr: 0.1, env: 'V' }, true],
  ])('%j has %j: %s', async (text, when, expected) => {
    expect(hasValues(await load(text), { ...when })).toBe(expected)
  })
})

describe('any registry', () => {
  const part = (options: z.ZodObject) => ({ summary: 'a', source: 'b', options, make: (o: object) => o }) as Part
  const TEST = {
    rule: {
      parts: {
        avg: part(z.strictObject({})),
        'trimmed-mean': part(z.strictObject({ beta: z.number().lt(0.5).default(0.1).meta({ short: 'beta' }) })),
        ties: part(z.strictObject({ density: z.number(), sign: z.string().default('mass') })),
      },
      default: 'avg',
      list: true,
    },
  } satisfies ChoiceKeys
  const schema = z.strictObject({ rule: choices(TEST.rule.parts).prefault(['avg']) })
  const source = (kind: Source['kind'], values: Record<string, unknown>): Source => ({
    kind,
    values,
    where: (path) => `${kind}:${path.join('.')}`,
  })
  const resolve = (...sources: Source[]) => schema.parse(settle(sources, TEST).values).rule

  it('may be one of several, in their order', () => {
    expect(resolve(source('file', { rule: ['avg', { 'trimmed-mean': { beta: 0.2 } }] }))).toEqual([
      'avg',
      { 'trimmed-mean': { beta: 0.2 } },
    ])
    expect(resolve(source('flag', { rule: 'trimmed-mean:beta=0.2,avg , ties:density=1:sign=count' }))).toEqual([
      { 'trimmed-mean': { beta: 0.2 } },
      'avg',
      { ties: { density: 1, sign: 'count' } },
    ])
    expect(resolve(source('file', { rule: { 'trimmed-mean': null } }))).toEqual([{ 'trimmed-mean': { beta: 0.1 } }])
    expect(resolve()).toEqual(['avg'])
  })

  it('takes options by name from later sources, whatever the place in the list', () => {
    const file = source('file', { rule: ['avg', { 'trimmed-mean': { beta: 0.2 } }] })
    const long = source('set', { 'rule.trimmed-mean.beta': 0.3 })
    expect(resolve(file, long)).toEqual(['avg', { 'trimmed-mean': { beta: 0.3 } }])
    expect(resolve(file, source('flag', { beta: 0.4 }))).toEqual(['avg', { 'trimmed-mean': { beta: 0.4 } }])
    expect(resolve(file, source('flag', { rule: 'trimmed-mean,avg' }))).toEqual([
      { 'trimmed-mean': { beta: 0.2 } },
      'avg',
    ])
    expect(resolve(file, source('flag', { rule: 'avg' }))).toEqual(['avg'])
    expect(() => resolve(source('file', { rule: ['avg', { ties: { density: 1 } }] }), long)).toThrow(
      'set:rule.trimmed-mean.beta: rule.trimmed-mean.beta is an option of rule trimmed-mean, but rule is avg, ties',
    )
  })

  it('tells where each option was written', () => {
    const settled = settle(
      [
        source('file', { rule: ['avg', { 'trimmed-mean': {} }, { ties: { density: 1 } }] }),
        source('flag', { beta: 9 }),
      ],
      TEST,
    )
    expect(settled.origin(['rule', 1, 'trimmed-mean', 'beta'])).toMatchObject({ place: 'flag:beta', key: 'beta' })
    expect(settled.origin(['rule', 2, 'ties', 'density'])?.place).toBe('file:rule.2.ties.density')
    expect(settled.origin(['rule', 2, 'ties', 'sign'])?.place).toBe('file:rule.2')
    expect(settled.isGiven(['rule', 2, 'ties', 'sign'])).toBe(false)
  })

  it('makes what its options say', () => {
    const plain = { summary: 'a', source: 'b', options: z.strictObject({}), make: () => 'made' } satisfies Part
    const parts = { plain }
    expect(make(parts, 'plain')).toBe('made')
    expect(choice(TEST.rule.parts).parse('trimmed-mean')).toEqual({ 'trimmed-mean': { beta: 0.1 } })
    const chosen = { ties: { density: 0.5, sign: 'mass' } }
    expect([nameOf(chosen), optionsOf(chosen), choiceText(chosen), choiceText('avg')]).toEqual([
      'ties',
      { density: 0.5, sign: 'mass' },
      'ties:density=0.5:sign=mass',
      'avg',
    ])
  })
})

describe('a config of versions 0.1 to 0.4', () => {
  it('is still an experiment file, in which options of other parts do nothing', async () => {
    const file = 'test/earlier/0.3.0/H/config.yaml'
    expect(readFileSync(file, 'utf8')).toContain('momentum: 0.9')
    const experiment = await loadExperiment({ file })
    expect(experiment).toMatchObject({ env: 'H', optimizer: 'sgd', 'lr-schedule': 'constant', 'local-epochs': 1 })
    expect('max-local-epochs' in experiment).toBe(false)
    expect((await loadExperiment({ file, flags: { optimizer: 'momentum' } })).optimizer).toEqual({
      momentum: { momentum: 0.9 },
    })
  })
})
