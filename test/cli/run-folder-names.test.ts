import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { pointLatest, runPath } from '../../src/runs/latest.ts'
import { findRuns } from '../../src/runs/read/find-runs.ts'
import { runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/written-run.ts'

const { folder, experiment } = workshop()

const find = (named: string) =>
  findRuns(named, (error) => {
    throw error
  })

describe('run ids', () => {
  it('never collide: of runs begun in one second all work', async () => {
    const file = experiment('same-second', { rounds: 1 })
    // A clock that stands still: all take the same second.
    const clock = join(folder, 'clock.mjs')
    writeFileSync(clock, "Date.prototype.toISOString = () => '2026-11-26T11:30:18.000Z'\n")
    const env = { NODE_OPTIONS: `--import ${clock}` }
    const runs = await Promise.all([1, 2, 3].map(() => runBinary(['run', file, '--quiet'], { env })))
    expect(runs.map(({ code, err }) => [code, err])).toEqual([
      [0, ''],
      [0, ''],
      [0, ''],
    ])
    const made = readdirSync(join(folder, 'results', 'same-second')).sort()
    expect(made).toEqual(['20261126-113018', '20261126-113018-2', '20261126-113018-3'])
    for (const id of made) expect(runs.some(({ out }) => out.includes(`/${id}/\n`))).toBe(true)
  })

  it('that are given are taken or refused', async () => {
    const file = experiment('given', { rounds: 1 })
    expect((await runBinary(['run', file, '--quiet', '--run-id', 'a'])).code).toBe(0)
    const again = await runBinary(['run', file, '--quiet', '--run-id', 'a'])
    expect([again.code, again.err]).toEqual([2, expect.stringContaining('exists already')])
  })
})

describe('the events of a run', () => {
  it('name its folder and why it stopped, on stdout; those that it keeps do not', async () => {
    const file = experiment('told', { rounds: 4 })
    const { code, out } = await runBinary(['run', file, '--json', '--quiet', '--run-id', 'a', '--stop-at', '0.01'])
    expect(code).toBe(0)
    const path = join(folder, 'results', 'told', 'a')
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(events[0]).toMatchObject({ type: 'started', folder: path })
    expect(events.at(-1)).toMatchObject({ type: 'finished', folder: path, reason: 'stop-at', rounds: 1 })
    expect(readFileSync(join(path, 'events.jsonl'), 'utf8')).not.toContain('folder')
    const shown = await runBinary(['run', '--resume', path, '--json', '--quiet'])
    const again = shown.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect([again[0].folder, again.at(-1).folder, again.at(-1).reason]).toEqual([path, path, 'stop-at'])
    const summary = await runBinary(['run', '--resume', join(folder, 'results', 'latest'), '--quiet'])
    expect(summary.out).toMatch(/^stopped after 1 of 4 rounds in .*: at every owner the accuracy is 0\.01 or more$/m)
  })
})

describe('results/latest', () => {
  it('is a link to the last run, made by run and by batch', async () => {
    const file = experiment('last', { rounds: 1 })
    const latest = join(folder, 'results', 'latest')
    expect((await runBinary(['run', file, '--quiet', '--run-id', 'a'])).code).toBe(0)
    expect(readlinkSync(latest)).toBe(join('last', 'a'))
    const { out } = await runBinary(['batch', file, '--quiet'])
    expect(readlinkSync(latest)).toMatch(/^last\/s0-/)
    expect(out).toContain(join(folder, 'results', 'last', 'report.html'))
    // It is no run of its own.
    expect(await find(join(folder, 'results', 'last'))).toHaveLength(2)
    const named = (await find(join(folder, 'results', '*'))).filter((path) => path.includes('latest'))
    expect(named).toEqual([])
  })

  it('is a file with the path where there are no links', async () => {
    const out = temporaryFolder()
    writeRun(join(out, 'x', '1'))
    writeFileSync(join(out, 'latest'), `${join('x', '1')}\n`)
    expect(await runPath(join(out, 'latest'))).toBe(join(out, 'x', '1'))
    expect(await find(join(out, 'latest'))).toEqual([join(out, 'x', '1')])
    expect(await find(out)).toEqual([join(out, 'x', '1')])
    await pointLatest(out, join(out, 'x', '1'))
    expect(await find(join(out, 'latest'))).toEqual([join(out, 'x', '1')])
  })

  it('whose run is gone does not disturb, and a folder of that name stays', async () => {
    const out = temporaryFolder()
    writeRun(join(out, 'x', '1'))
    symlinkSync(join('x', 'gone'), join(out, 'latest'))
    expect(await find(out)).toEqual([join(out, 'x', '1')])
    await expect(find(join(out, 'latest'))).resolves.toEqual([])
    await pointLatest(out, join(out, 'x', '2'))
    expect(readlinkSync(join(out, 'latest'))).toBe(join('x', 'gone'))
    rmSync(join(out, 'latest'))
    mkdirSync(join(out, 'latest'))
    await pointLatest(out, join(out, 'x', '1'))
    expect(lstatSync(join(out, 'latest')).isDirectory()).toBe(true)
    expect(existsSync(join(out, 'latest', '1'))).toBe(false)
  })
})
