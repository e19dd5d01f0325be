import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expand, expandFile } from '../../src/config/expand.ts'
import { asksForSeveral } from '../../src/config/load.ts'
import { meantKey, meantName, meantSetting } from '../../src/config/meant.ts'
import { CHOICE_KEYS } from '../../src/config/parts/choice-keys.ts'
import { WRITTEN_KEYS } from '../../src/config/schema.ts'
import { setSource } from '../../src/config/source.ts'
import { temporaryFolder } from '../support/folder.ts'

const swept = (pair: string) => setSource([pair]).values

function fileOf(text: string): string {
  const file = join(temporaryFolder(), 'study.yaml')
  writeFileSync(file, text)
  return file
}

describe('several values of a key on a command line', () => {
  it.each([
    ['lr=0.1,0.03', { lr: [0.1, 0.03] }],
    ['lr=[0.1, 0.03]', { lr: [0.1, 0.03] }],
    ['env=V,H', { env: ['V', 'H'] }],
    [
      'env=dirichlet:alpha=0.3,labels:lists=[[0,1],[2,3]]',
      { env: ['dirichlet:alpha=0.3', 'labels:lists=[[0,1],[2,3]]'] },
    ],
    ['optimizer.momentum.momentum=0.5,0.9', { 'optimizer.momentum.momentum': [0.5, 0.9] }],
    ['merge=[avg],[max,avg]', { merge: [['avg'], ['max', 'avg']] }],
    ['model=cnn,mlp', { model: ['cnn', 'mlp'] }],
    ['seed=0,7', { seed: [0, 7] }],
    ['matrix.lr=0.1,0.2', { lr: [0.1, 0.2] }],
    ['matrix.lr=0.1', { lr: [0.1] }],
    ['matrix.merge=[avg,[max,avg]]', { merge: ['avg', ['max', 'avg']] }],
    ['images=1000,null', { images: [1000, undefined] }],
  ])('%s is a run for each', (pair, matrix) => expect(swept(pair)).toEqual({ matrix }))

  it.each([
    ['merge=max,avg', { merge: 'max,avg' }],
    ['merge=[max,avg]', { merge: ['max', 'avg'] }],
    [
      'labels=[[0,1],[2,3]]',
      {
        labels: [
          [0, 1],
          [2, 3],
        ],
      },
    ],
    [
      'model=[{type: flatten},{type: dense, units: 10}]',
      { model: [{ type: 'flatten' }, { type: 'dense', units: 10 }] },
    ],
    ['normalise={mean: 0.1, std: 0.2}', { normalise: { mean: 0.1, std: 0.2 } }],
    ['data=/a,b', { data: '/a,b' }],
    ['name=[a]', { name: '[a]' }],
    ['env=labels:lists=[[0,1],[2,3]]', { env: 'labels:lists=[[0,1],[2,3]]' }],
    ['lr=0.1', { lr: 0.1 }],
    ['lr=[]', { lr: [] }],
    ['seeds=3', { seeds: 3 }],
    ['matrix={lr: [0.1]}', { matrix: { lr: [0.1] } }],
  ])('%s is one value', (pair, values) => expect(swept(pair)).toEqual(values))

  it('the last that is given for a key counts', () => {
    expect(setSource(['lr=0.1,0.2', 'lr=0.3']).values).toEqual({ matrix: {}, lr: 0.3 })
    expect(setSource(['lr=0.3', 'lr=0.1,0.2']).values).toEqual({ matrix: { lr: [0.1, 0.2] } })
  })

  it('asks for several runs, as seeds do', () => {
    const several = [{ set: ['lr=1,2'] }, { set: ['seeds=1'] }, { flags: { seeds: '2' } }, { flags: { env: 'V,H' } }]
    expect(several.map(asksForSeveral)).toEqual([true, true, true, true])
    expect(asksForSeveral({ set: ['merge=max,avg', 'seeds=null'], flags: { lr: '0.1' } })).toBe(false)
  })

  it('lie over the matrix and the seeds of a file', async () => {
    const file = fileOf('matrix: { env: [V, H], lr: [0.1, 0.2] }\nseeds: 3\n')
    const groups = async (set: string[], flags = {}) =>
      (await expandFile(file, set, { flags })).map(({ group, experiment }) => `${group} ${experiment.seed}`)
    expect(await groups(['env=H', 'seeds=1', 'lr=0.3'])).toEqual(['H-0.3 0'])
    expect(await groups(['seeds=1', 'env=H'], { lr: '0.5,0.6' })).toEqual(['H-0.5 0', 'H-0.6 0'])
    expect(await groups(['matrix=null', 'seeds=null'])).toEqual([' 0'])
    expect(await groups(['env=V', 'lr=0.1', 'seed=4,9'])).toEqual(['V-0.1 4', 'V-0.1 9'])
    expect(await groups(['env=V', 'lr=0.1', 'seed=4'], { seeds: '2' })).toEqual(['V-0.1 4', 'V-0.1 5'])
    const alpha = fileOf('env: dirichlet\nmatrix: { env.dirichlet.alpha: [0.1, 0.3, 1] }\n')
    expect((await expandFile(alpha, ['alpha=0.5,0.6'])).map(({ group }) => group)).toEqual(['0.5', '0.6'])
    await expect(groups(['seed=4,9'], { seeds: '2' })).rejects.toThrow(
      '--set seed: seeds are listed, and --seeds counts',
    )
    await expect(groups(['lrr=1,2'])).rejects.toThrow('--set lrr: unknown key "lrr" in matrix')
    await expect(groups(['matrix=3'])).rejects.toThrow('--set matrix: expected keys and values, got 3')
    await expect(groups([], { seeds: '0' })).rejects.toThrow('--seeds: expected a number of at least 1, got 0')
  })

  it('without a file have a folder of their own, whatever the order and the values', async () => {
    const name = async (set: string[], flags = {}) =>
      (await expand(undefined, undefined, set, { flags })).map(({ experiment }) => experiment.name)
    const [one, ...others] = await name(['lr=0.1,0.2', 'rounds=3'], { seeds: '2' })
    expect(one).toMatch(/^sweep-lr-[\da-f]{6}$/)
    expect(new Set(others)).toEqual(new Set([one]))
    expect((await name(['rounds=3'], { lr: '0.3', seeds: '1' }))[0]).toMatch(/^sweep-seeds-/)
    expect((await name(['rounds=3', 'lr=0.1,0.2,0.4']))[0]).toBe(one)
    expect((await name(['rounds=4', 'lr=0.1,0.2']))[0]).not.toBe(one)
    expect(await name(['lr=0.1,0.2'], { name: 'mine' })).toEqual(['mine', 'mine'])
  })
})

describe('what other tools call a key', () => {
  it.each([
    ['epochs', 'local-epochs'],
    ['batch_size', 'batch'],
    ['batchSize', 'batch'],
    ['learning-rate', 'lr'],
    ['clients', 'owners'],
    ['local_epochs', 'local-epochs'],
    ['ruonds', 'rounds'],
    ['nothing-of-ours', undefined],
  ])('%s: %s', (got, meant) => expect(meantKey(got, WRITTEN_KEYS)).toBe(meant))

  it('and a rule', () => {
    const rules = ['avg', 'max', 'weighted-avg', 'median']
    expect(
      ['fedavg', 'FedAvg', 'mean', 'medain', 'fedprox', 'zzz'].map((name) => meantName('merge', name, rules)),
    ).toEqual(['weighted-avg', 'weighted-avg', 'avg', 'median', '--objective fedprox', undefined])
  })

  it('and an objective or a server step, wherever it is named', () => {
    const names = (key: 'objective' | 'server' | 'merge') => Object.keys(CHOICE_KEYS[key].parts)
    const meant = (key: 'objective' | 'server' | 'merge', got: string) => meantName(key, got, names(key))
    expect(['scaffnew', 'ProxSkip', 'fedlec'].map((got) => meant('objective', got))).toEqual([
      'scaffold',
      'scaffold',
      'fedlc',
    ])
    expect(['FedYogi', 'fedadagrad'].map((got) => meant('server', got))).toEqual(['yogi', 'adagrad'])
    expect(['scaffold', 'feddyn', 'fedexp'].map((got) => meant('merge', got))).toEqual([
      '--objective scaffold',
      '--objective feddyn',
      '--server fedexp',
    ])
    expect(meant('objective', 'FedSAM')).toBe('--sam 0.05')
    expect(meantName('optimizer', 'sam', ['sgd', 'momentum', 'adam'])).toBe('--sam 0.05')
    expect([meant('merge', 'fedetf'), meant('server', 'scaffold')]).toEqual(['--model cnn-etf', '--objective scaffold'])
  })

  it('and a setting where a file is to be named', () => {
    expect(meantSetting('lr=0.05', WRITTEN_KEYS)).toBe('--set lr=0.05')
    expect(meantSetting('epochs=3', WRITTEN_KEYS)).toBe('--set local-epochs=3')
    expect(meantSetting('optimizer.momentum.momentum=0.5', WRITTEN_KEYS)).toBe('--set optimizer.momentum.momentum=0.5')
    expect(meantSetting('a=b.yaml', WRITTEN_KEYS)).toBeUndefined()
  })
})
