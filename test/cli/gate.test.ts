import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { makePipe } from '../support/folder.ts'
import { manifestOf, runFolders } from '../support/run-folder.ts'
import { edit } from '../support/written-run.ts'

const { folder, experiment } = workshop()
const results = join(folder, 'results', 'gate')
const before = process.cwd()
const given = (max: number, more: object = {}) => ({
  name: 'gate',
  out: 'results',
  rounds: 1,
  seeds: 2,
  expect: [{ metric: 'unified', merge: 'avg', max }],
  ...more,
})
/** The gate as a file; whatever the accuracy, 1 is met and 0.001 is missed. */
const write = (max: number, more: object = {}) => basename(experiment('gate', given(max, more)))
const check = (...args: string[]) => fedunify(['check', ...args])

// As a user works: in the folder of the project.
beforeAll(async () => {
  process.chdir(folder)
  const { code, err } = await fedunify(['batch', write(1), '--quiet'])
  expect([code, err]).toEqual([0, ''])
})
afterAll(() => process.chdir(before))

describe('a gate that changed', () => {
  it('is the file as it stands now, for its runs and for their folder', async () => {
    expect(manifestOf(runFolders(results)[0]!).experiment_file).toBe('gate.yaml')
    expect(await check(write(1))).toMatchObject({ code: 0, out: expect.not.stringContaining('note:') })
    write(0.001)
    const batch = await fedunify(['batch', 'gate.yaml'])
    expect(batch).toMatchObject({ code: 0, err: expect.stringContaining('finished already') })
    expect(batch.err).toContain(
      'note: the expectations of gate.yaml changed since its runs finished; judge them by the new ones: fedunify check gate.yaml',
    )
    const byFile = await check('gate.yaml')
    expect(byFile.code).toBe(1)
    expect(byFile.out).toContain('expected at most 0.10 %')
    const byFolder = await check('results/gate')
    expect(byFolder.code).toBe(1)
    expect(byFolder.out).toContain('expected at most 0.10 %')
    expect(byFolder.out).toContain(
      'note: the expectations of gate.yaml changed since the run: judged by the file as it stands now',
    )
    expect(await check('gate.yaml', 'results/gate')).toMatchObject({ code: 1 })
    expect(await check('gate.yaml', 'results/gate', '--expect', 'gate.yaml')).toMatchObject({ code: 2 })
  })

  it('says by what it judged where the file is not here, expects nothing or describes other runs', async () => {
    write(1)
    const kept = 'note: judged by the expectations that the run kept when it started: '
    renameSync('gate.yaml', 'elsewhere.yaml')
    expect(await check('results/gate')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${kept}gate.yaml is not here`),
    })
    makePipe('gate.yaml')
    expect(await check('results/gate')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${kept}gate.yaml is not here`),
    })
    rmSync('gate.yaml')
    write(0.001, { lr: 0.07 })
    expect(await check('results/gate')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${kept}gate.yaml describes other runs now`),
    })
    write(0.001, { expect: undefined })
    expect(await check('results/gate')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${kept}gate.yaml expects nothing now`),
    })
    expect(await check('gate.yaml')).toMatchObject({ code: 2, err: expect.stringContaining('holds no expectations') })
  })

  it('an experiment file means the runs that it describes now, and misses those that were not run', async () => {
    write(1, { seeds: 3 })
    const three = await check('gate.yaml')
    expect(three.code).toBe(1)
    expect(three.out).toMatch(
      /results\/gate\/s2-[\da-f]{8}\n.*missed {2}run .*expected a finished run\n +got +nothing: gate\.yaml describes it/,
    )
    write(1, { lr: 0.07 })
    expect(await check('gate.yaml')).toMatchObject({ code: 1 })
    writeFileSync('alone.yaml', '- { metric: participants, each-round: 2 }\n')
    expect(await check('alone.yaml', 'results/gate')).toMatchObject({ code: 0 })
    writeFileSync('alone.yaml', 'expect:\n  - { metric: participants, each-round: 2 }\n')
    expect(await check('alone.yaml')).toMatchObject({
      code: 2,
      err: expect.stringContaining('hint: name the runs too'),
    })
  })

  it('does not pass over a damaged run beside those of the file', async () => {
    write(1, { seeds: 1 })
    const table = join(runFolders(results).find((path) => path.includes('/s1-'))!, 'unified.csv')
    const whole = readFileSync(table)
    edit(table, /\d\n/, '7\n')
    expect(await check('gate.yaml')).toMatchObject({ code: 3 })
    writeFileSync(table, whole)
    expect(await check('gate.yaml')).toMatchObject({ code: 0 })
  })
})
