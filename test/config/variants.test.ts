import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { expandFile } from '../../src/config/expand.ts'
import { configHash } from '../../src/config/hash.ts'
import { loadExperiment } from '../../src/config/load.ts'
import { choicesText } from '../../src/parts.ts'
import { temporaryFolder } from '../support/folder.ts'

function fileOf(text: string): string {
  const file = join(temporaryFolder(), 'study.yaml')
  writeFileSync(file, text)
  return file
}

const TWO = `env: H
lr: 0.1
variants:
  plain: {}
  near: { objective: { fedprox: { mu: 0.5 } }, lr: 0.05 }
`
const told = async (text: string, set: string[] = []) =>
  (await expandFile(fileOf(text), set)).map(
    ({ group, experiment: { seed, lr, objective } }) => `${group} ${seed} ${lr} ${JSON.stringify(objective)}`,
  )
const NEAR = '{"fedprox":{"mu":0.5}}'

it('every variant is a run under its name, with its settings over those of the file', async () => {
  expect(await told(TWO)).toEqual(['plain 0 0.1 "cross-entropy"', `near 0 0.05 ${NEAR}`])
})

it('a variant is the experiment that has its settings itself: the same hash', async () => {
  const [, near] = await expandFile(fileOf(TWO))
  const [alone] = await expandFile(fileOf('env: H\nlr: 0.05\nobjective: fedprox:mu=0.5\n'))
  expect(configHash(near!.experiment)).toBe(configHash(alone!.experiment))
})

it('variants go with a matrix and with seeds', async () => {
  const text = `${TWO}matrix: { rounds: [1, 2] }\nseeds: 2\n`
  expect((await expandFile(fileOf(text))).map(({ group, cell }) => [group, cell])).toEqual(
    ['plain', 'near'].flatMap((variant) =>
      [1, 2].flatMap((rounds) => [0, 1].map((seed) => [`${variant}-${rounds}`, { variant, rounds, seed }])),
    ),
  )
})

it('--set chooses among them, and changes them all', async () => {
  expect(await told(TWO, ['variant=near'])).toEqual([`near 0 0.05 ${NEAR}`])
  expect(await told(TWO, ['variant=near,plain', 'lr=0.3'])).toEqual([
    `near 0 0.3 ${NEAR}`,
    'plain 0 0.3 "cross-entropy"',
  ])
  expect(await told(TWO, ['lr=0.3,0.2'])).toEqual([
    'plain-0.3 0 0.3 "cross-entropy"',
    'plain-0.2 0 0.2 "cross-entropy"',
    `near-0.3 0 0.3 ${NEAR}`,
    `near-0.2 0 0.2 ${NEAR}`,
  ])
  expect(await told(TWO, ['variants=null'])).toEqual([' 0 0.1 "cross-entropy"'])
})

it('run does one of them', async () => {
  const file = fileOf(TWO)
  expect(await loadExperiment({ file, set: ['variant=near'] })).toMatchObject({ lr: 0.05, env: 'H' })
  await expect(loadExperiment({ file })).rejects.toMatchObject({
    message: `${file}: makes 2 runs: choose one`,
    hint: `they differ in:
  variant: plain | near
for example: fedunify run ${file} --set variant=plain
or run all: fedunify batch ${file}`,
  })
})

it('a variant may name a merge rule of one’s own', async () => {
  const file = fileOf('variants: { own: { merge: [./half.mjs] }, plain: {} }\n')
  const rule =
    "export default { summary: 'half', source: 'none', when: 'never', needs: 'sum', make: () => (values, owners, out) => { out.fill(0.5) } }"
  writeFileSync(join(file, '..', 'half.mjs'), rule)
  expect((await expandFile(file)).map(({ group, experiment }) => [group, choicesText(experiment.merge)])).toEqual([
    ['own', 'half'],
    ['plain', 'avg'],
  ])
})

it.each([
  ['variants: {}\n', [], 'study.yaml:1: variants: expected at least one'],
  ['variants: { a/b: {} }\n', [], 'study.yaml:1: a variant cannot be named "a/b"'],
  ['variants:\n  a: { lrr: 1 }\n', [], 'study.yaml:2: unknown key "lrr" in variant a'],
  ['variants:\n  a: { lr: 0 }\n', [], 'study.yaml:2: lr: '],
  [
    'variants:\n  a: { lr: 1 }\nmatrix: { lr: [1] }\n',
    [],
    'study.yaml:2: lr is given twice, in the matrix and in variant a',
  ],
  ['variants:\n  a: 3\n', [], 'study.yaml:2: '],
  ['variants: { near: {} }\n', ['variant=neer'], 'variant: there is no variant "neer"'],
  ['variants: { a: { seeds: 3 } }\n', [], 'study.yaml:1: unknown key "seeds" in variant a'],
  ['lr: 0.1\n', ['variant=a'], 'variant'],
])('%j, %j: %s', async (text, set, message) => {
  await expect(expandFile(fileOf(text), set)).rejects.toThrow(message)
})
