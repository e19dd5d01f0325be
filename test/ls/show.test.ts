import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { latestRun } from '../../src/runs/read/pick-run.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun as writeInvented } from '../support/invented-run.ts'
import { NO_HASHES } from '../support/run-folder.ts'
import { edit, writeRun } from '../support/written-run.ts'

const { folder } = workshop()
const repository = process.cwd()
const show = (...args: string[]) => fedunify(['show', ...args])

beforeAll(() => {
  process.chdir(folder)
  const config = {
    env: 'H',
    seed: 3,
    lr: 0.02,
    merge: ['avg', 'max'],
    rounds: 4,
    expect: [{ metric: 'unified', min: 0.5 }],
  }
  writeInvented('results/study/H-s3-aa11', { config })
  writeRun('results/study/cut s4', {
    env: 'labels',
    status: 'interrupted',
    reason: 'interrupted',
    rounds: 5,
    unified: { avg: [0.61, 0.6] },
    local: [
      [0.9, 0.9],
      [0.9, 0.9],
    ],
  })
  edit('results/study/cut s4/manifest.json', '2021-12-31', '2021-12-30')
})
afterAll(() => process.chdir(repository))

describe('fedunify show', () => {
  it('shows the newest run: what was changed first, who held what, accuracies, files, next commands', async () => {
    const { out, err, code } = await show()
    expect({ err: err.replace(NO_HASHES, ''), code }).toEqual({ err: '', code: 0 })
    const lines = out.split('\n').map((line) => line.trimEnd())
    expect(lines.slice(0, 12)).toEqual([
      'results/study/H-s3-aa11',
      'finished; started 2021-12-31 10:00 UTC',
      'unified accuracy 63.00 % (avg, round 4)',
      'best round: the last',
      '11.00 points below the best local model: owner 1, 74.00 % on its own test images',
      'all 4 rounds are done in 1 min 30 s',
      '',
      'Experiment fake, seed 3',
      '  env     H',
      '  merge   avg, max',
      '  rounds  4',
      '  lr      0.02',
    ])
    expect(out).toMatch(/\nat their defaults: .*batch 64.*optimizer sgd/)
    expect(out).toMatch(/\nowner 1 +30,000 +5,000 +7000 +7000 +7000 +7000 +7000 +0 +0 +0 +0 +0\n/)
    expect(out).toMatch(/\nround +local 1 +local 2 +avg +max\n1 /)
    expect(out).toMatch(/\nfedunify 0\.0\.0, commit 0123456789ab\nonnx on cpu, 1; a processor, 2 cores\n/)
    expect(out).toContain('\ntrain 1 min 20 s, merge 1.0 s, evaluate 5.0 s, write 2.0 s\n')
    expect(out).toMatch(/\n {2}manifest\.json +\d\.\d kB\n/)
    expect(lines.slice(-5)).toEqual([
      'Next',
      '  fedunify report results/study/H-s3-aa11',
      '  fedunify compare results/study/H-s3-aa11 paper',
      '  fedunify check results/study/H-s3-aa11',
      '',
    ])
  })

  it('says how an unfinished run goes on, as a shell takes it', async () => {
    const { out } = await show('results/study/cut s4')
    expect(out).toContain('\ninterrupted; started 2021-12-30 10:00 UTC\n')
    expect(out).toContain('\nunified accuracy 60.00 % (avg, round 2)\nbest round: 1, 61.00 %\n')
    expect(out).toContain('\ninterrupted after 2 of 5 rounds: interrupted\n')
    expect(out).toContain("\nNext\n  fedunify run --resume 'results/study/cut s4'\n")
    expect(out).not.toContain('paper')
  })

  it.each([80, 60])('fits %i characters, and breaks no word', async (width) => {
    const whole = new Set((await show()).out.split(/\s+/))
    const { out } = await fedunify(['show'], { width })
    for (const line of out.split('\n')) expect(line.trimEnd().length).toBeLessThanOrEqual(width)
    for (const word of out.split(/\s+/)) expect(whole).toContain(word)
  })

  it.each([
    ['latest', 'H-s3-aa11'],
    ['H-s3', 'H-s3-aa11'],
    ['cut s4', 'cut s4'],
    ['results/study/cut s4/manifest.json', 'cut s4'],
  ])('finds %s', async (named, id) => {
    const { path, format } = JSON.parse((await show(named, '--json')).out)
    expect({ path, format }).toEqual({ path: `results/study/${id}`, format: 1 })
  })

  it('has all of that as JSON', async () => {
    const found = JSON.parse((await show('--json')).out)
    expect(found).toMatchObject({ status: 'finished', rounds: 4, sent_back: 'avg', config: { lr: 0.02 } })
    expect(found.changed).toEqual(['env', 'merge', 'rounds', 'lr', 'expect'])
    const avg = found.series.find(({ series }: { series: string }) => series === 'avg')
    expect(avg.end).toMatchObject({ round: 4 })
    expect(avg.end.accuracy).toBeCloseTo(0.63, 6)
  })

  it.each<[string[], number, string, string]>([
    [['results'], 2, 'results: 2 runs: results/study/cut s4, results/study/H-s3-aa11', 'fedunify ls'],
    [['H-s3-ab11'], 3, 'H-s3-ab11: no such run', 'did you mean H-s3-aa11?'],
    [['idx'], 3, 'not the folder of a run', 'name the folder'],
    [['latest', '--format', 'csv'], 2, 'Allowed choices are terminal, json', ''],
  ])('refuses %j', async (args, exit, message, hint) => {
    const { code, out, err } = await show(...args)
    expect(err).toContain(message)
    expect(err).toContain(hint)
    expect({ code, out }).toEqual({ code: exit, out: '' })
  })

  it('verifies all files, unlike a list', async () => {
    const run = join(temporaryFolder(), 'run')
    writeRun(run)
    edit(join(run, 'local.csv'), '0.92', '0.93')
    expect((await fedunify(['ls', run])).code).toBe(0)
    const { code, err } = await show(run)
    expect(code).toBe(3)
    expect(err).toContain('local_1 is 92.00, where the other tables say 93.00')
  })
})

describe('the newest run', () => {
  const at = (results: string, id: string, day: string) => {
    writeRun(join(results, 'study', id))
    edit(join(results, 'study', id, 'manifest.json'), '2021-12-31', day)
  }

  it('is the one that was started last, or that the link leads to', async () => {
    const results = temporaryFolder()
    at(results, 'a', '2021-12-02')
    at(results, 'b', '2021-12-03')
    at(results, 'c', '2021-12-01')
    expect(await latestRun(results)).toBe(join(results, 'study', 'b'))
    symlinkSync(join('study', 'c'), join(results, 'latest'))
    expect(await latestRun(results)).toBe(join(results, 'study', 'c'))
    // A list has it once, by its own name.
    const { out } = await fedunify(['ls', results, '--no-group', '--sort', 'id', '--json'])
    expect(
      JSON.parse(out).rows.map(({ runs }: { runs: { path: string }[] }) => relative(results, runs[0]!.path)),
    ).toEqual(['a', 'b', 'c'].map((id) => join('study', id)))
  })

  it('is looked for if the link leads nowhere, or to no run; damaged folders are none', async () => {
    const results = temporaryFolder()
    at(results, 'a', '2021-12-02')
    at(results, 'b', '2021-12-03')
    writeFileSync(join(results, 'study', 'b', 'manifest.json'), '{')
    symlinkSync('gone', join(results, 'latest'))
    expect(await latestRun(results)).toBe(join(results, 'study', 'a'))
    rmSync(join(results, 'latest'))
    symlinkSync('study', join(results, 'latest'))
    expect(await latestRun(results)).toBe(join(results, 'study', 'a'))
  })

  it('is missed with a hint', async () => {
    const results = temporaryFolder()
    await expect(latestRun(results)).rejects.toThrow(`${results}: no run yet`)
    mkdirSync(join(results, 'empty'))
    await expect(latestRun(join(results, 'gone'))).rejects.toThrow('no run yet')
  })
})
