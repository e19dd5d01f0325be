import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { expandFile } from '../../src/config/expand.ts'
import { configHash } from '../../src/config/hash.ts'
import { temporaryFolder } from '../support/folder.ts'
import { processorSeconds } from '../support/processor-time.ts'

function fileOf(text: string, name = 'study.yaml'): string {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, text)
  return file
}

test('a file without a matrix is one run, named after the file, its seed and its config', async () => {
  const [run, ...others] = await expandFile(fileOf('env: H\nseed: 4\n'))
  expect(others).toEqual([])
  expect(run).toMatchObject({ group: '', experiment: { name: 'study', env: 'H', seed: 4 } })
  expect(run!.id).toBe(`s4-${configHash(run!.experiment).slice(0, 8)}`)
})

test('a matrix gives every combination, each with its seeds', async () => {
  const runs = await expandFile(fileOf('matrix: { env: [V, H], merge: [avg, [max, avg]] }\nseeds: 2\nrounds: 3\n'))
  expect(runs.map(({ group, experiment }) => `${group} ${experiment.seed}`)).toEqual([
    'V-avg 0',
    'V-avg 1',
    'V-max+avg 0',
    'V-max+avg 1',
    'H-avg 0',
    'H-avg 1',
    'H-max+avg 0',
    'H-max+avg 1',
  ])
  expect(new Set(runs.map(({ id }) => id)).size).toBe(8)
  expect(runs.at(-1)!.experiment).toMatchObject({ env: 'H', merge: ['max', 'avg'], seed: 1, rounds: 3 })
})

test('seeds begin at the seed; a matrix may go over seeds itself', async () => {
  const seeds = async (text: string) => (await expandFile(fileOf(text))).map(({ experiment }) => experiment.seed)
  expect(await seeds('seed: 5\nseeds: 3\n')).toEqual([5, 6, 7])
  expect(await seeds('matrix: { seed: [1, 9] }\n')).toEqual([1, 9])
})

test('--set changes every run, and with it the folder', async () => {
  const file = fileOf('matrix: { env: [V, H] }\n')
  const [plain, set] = [await expandFile(file), await expandFile(file, ['lr=0.5'])]
  expect(set.map(({ experiment }) => experiment.lr)).toEqual([0.5, 0.5])
  expect(set[0]!.id).not.toBe(plain[0]!.id)
})

test('--set for a key of the matrix takes the place of its values there, in the same folders', async () => {
  const file = fileOf('matrix: { env: [V, H], merge: [avg, [max, avg]] }\n')
  const all = await expandFile(file)
  const some = await expandFile(file, ['env=H', 'merge=max,avg'])
  expect(some.map(({ id, group }) => ({ id, group }))).toEqual([{ id: all[3]!.id, group: 'H-max+avg' }])
  expect((await expandFile(file, ['env=dirichlet', 'alpha=1'])).map(({ group }) => group)).toEqual([
    'dirichlet-avg',
    'dirichlet-max+avg',
  ])
})

test('any number of keys in a matrix gives a name that a folder can have', async () => {
  const long = Array.from({ length: 9 }, () => ({ type: 'relu' }))
  const model = JSON.stringify([...long, { type: 'flatten' }, { type: 'dense', units: 10 }])
  const keys = ['lr-schedule', 'optimizer', 'momentum', 'init', 'baseline', 'layout', 'stop-at', 'weight-decay']
  const values = ['cosine', 'momentum', 0.123456789, 'independent', 'pooled', 'standard', 0.987654321, 0.000012345]
  const rest = keys.map((key, i) => `${key}: [${values[i]}]`).join(', ')
  const names = ['data', 'out'].map((key) => `${key}: [${'long/'.repeat(20)}]`).join(', ')
  const runs = await expandFile(fileOf(`matrix: { lr: [0.1, 0.2], model: [${model}], ${names}, ${rest} }\n`))
  expect(runs.map(({ id }) => id.length <= 200)).toEqual([true, true])
  expect(runs[0]!.id).not.toBe(runs[1]!.id)
})

test.each([
  ['matrix: {}\n', 'study.yaml:1: the matrix is empty'],
  ['env: V\nmatrix: { lr: [] }\n', 'study.yaml:2: matrix.lr: expected at least 1'],
  ['matrix: { mrge: [avg] }\n', 'study.yaml:1: unknown key "mrge" in matrix'],
  ['matrix:\n  env: [V, Q]\n', 'study.yaml:2: env: expected one of V, H, labels, dirichlet, got "Q"'],
  ['env: V\nmatrix: { env: [H] }\n', 'study.yaml:2: env is given twice'],
  ['matrix: { seed: [1] }\nseeds: 2\n', 'study.yaml:1: seed is given twice'],
  ['seeds: 0\n', 'study.yaml:1: seeds: expected a number of at least 1, got 0'],
  ['seeds: 100000000\n', 'study.yaml: makes 100000000 runs, at most 10000'],
  [`matrix: { lr: [${'0.1,'.repeat(200)}], momentum: [${'0.9,'.repeat(200)}] }\n`, 'makes 40000 runs'],
  ['matrix: 3\n', 'study.yaml:1: matrix: expected keys and values, got 3'],
])('%j is refused with its line', async (text, message) => {
  await expect(expandFile(fileOf(text))).rejects.toMatchObject({
    kind: 'usage',
    message: expect.stringContaining(message),
  })
})

test('runs that are too long together are refused before any is made', async () => {
  const took = await processorSeconds(async () => {
    const text = `seeds: 10000\nexpect:\n${'- { metric: unified, min: 0 }\n'.repeat(3000)}`
    await expect(expandFile(fileOf(text))).rejects.toThrow(
      /study\.yaml: makes 10000 runs of 8\d\d,\d{3},\d{3} characters in all, at most 100,000,000 are possible$/,
    )
    const lists = `matrix: { seed: [${Array.from({ length: 5000 }, (_, i) => i)}], expect: [[${'{ metric: labels }, '.repeat(3500)}]] }`
    await expect(expandFile(fileOf(lists))).rejects.toThrow('study.yaml: makes 5000 runs of ')
  })
  expect(took).toBeLessThan(2)
})

test('the config hash ignores where and how fast, and nothing else', async () => {
  const hash = async (text: string) => configHash((await expandFile(fileOf(text)))[0]!.experiment)
  const base = await hash('env: H\n')
  expect(await hash('env: H\nworkers: 7\nout: elsewhere\nname: other\ndata: there\n')).toBe(base)
  expect(await hash('merge: [avg]\nenv: H\nlr: 0.1\n')).toBe(base)
  for (const other of ['env: V', 'lr: 0.2', 'seed: 1', 'merge: [max]', 'rounds: 11', 'init: independent']) {
    expect(await hash(`env: ${other === 'env: V' ? 'V' : 'H'}\n${other === 'env: V' ? '' : other}\n`)).not.toBe(base)
  }
})
