import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { configHash } from '../../src/config/hash.ts'
import { loadExperiment } from '../../src/config/load.ts'
import { fedunify as inProcess } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'

const fedunify = (...args: string[]) => inProcess(args)

it('an experiment carries its expectations, which do not change its hash and have no flag', async () => {
  const file = join(temporaryFolder(), 'one.yaml')
  writeFileSync(file, 'env: H\n')
  const plain = await loadExperiment({ file })
  writeFileSync(file, 'env: H\nexpect:\n  - { metric: unified, merge: avg, min: 0.78 }\n')
  const expecting = await loadExperiment({ file })
  expect(expecting.expect).toEqual([{ metric: 'unified', merge: 'avg', at: 'end', min: 0.78 }])
  expect(configHash(expecting)).toBe(configHash(plain))
  const { out } = await fedunify('run', '--help')
  expect(out).toContain('--baseline')
  expect(out).not.toContain('--expect')
})

it('a mistake in them is told with its line before anything is trained', async () => {
  const file = join(temporaryFolder(), 'one.yaml')
  writeFileSync(file, 'env: H\nexpect:\n  - { metric: unified, min: 0.7 }\n  - { metric: unfied, min: 0.7 }\n')
  const { code, err } = await fedunify('run', file)
  expect(code).toBe(2)
  expect(err).toContain(
    `${file}:4: expect.1.metric: expected one of unified, local, participants, labels, attack, got "unfied"`,
  )
  expect(err).toContain('did you mean unified?')
})
