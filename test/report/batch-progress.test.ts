import { availableParallelism } from 'node:os'
import { PassThrough } from 'node:stream'
import type { WriteStream } from 'node:tty'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import type { BatchRun } from '../../src/batch/plan.ts'
import { workersOf } from '../../src/batch/run-batch.ts'
import { expand } from '../../src/config/expand.ts'
import { BatchClock } from '../../src/report/terminal/batch-clock.ts'
import { BatchProgress } from '../../src/report/terminal/batch-progress.ts'
import { summaryText } from '../../src/report/terminal/batch-tables.ts'
import { NO_COLORS } from '../../src/visible.ts'
import { roundFinished, started } from '../support/events.ts'

async function runsOf(...set: string[]): Promise<BatchRun[]> {
  const planned = await expand(undefined, undefined, set)
  return planned.map((run) => ({ ...run, path: `results/${run.id}`, state: 'none' }))
}

const progressOf = (owner: number, images: number) =>
  ({ type: 'owner-progress', round: 1, owner, epoch: 1, epochs: 1, images, total: 100, loss: 1 }) as const

test('the clock of a batch goes by rounds, and by what they cost', async () => {
  const [short, long] = (await runsOf('local-epochs=1,3', 'rounds=10')) as [BatchRun, BatchRun]
  const clock = new BatchClock([short, long], [0, 5])
  expect(clock.text()).toBe('0 of 2 runs done, 37 %')
  clock.started()
  const began = performance.now()
  clock.event(short, started({ rounds: 10, done: 0 }))
  clock.event(short, roundFinished(5, [1, 1], { avg: 1 }))
  expect(clock.text()).toMatch(/^0 of 2 runs done, 50 %, about /)
  // 5 of 40 parts took 10 s, 20 are left.
  expect(clock.text(began + 10_000)).toBe('0 of 2 runs done, 50 %, about 40 s left')
  clock.event(short, progressOf(1, 100))
  expect(clock.positionOf(short)).toEqual({ done: 5.5, last: 10, round: 5 })
  clock.ended(short)
  clock.ended(long)
  expect(clock.text()).toBe('2 of 2 runs done, 100 %')
})

test('a run that is to stop earlier counts as many rounds', async () => {
  const [run] = await runsOf('rounds=50', 'stop-after=4', 'seeds=1')
  const clock = new BatchClock([run!])
  clock.event(run!, roundFinished(1, [1, 1], { avg: 1 }))
  expect(clock.text()).toBe('0 of 1 runs done, 25 %')
})

test('runs at the same time have a bar each, and a line for the whole', async () => {
  const runs = await runsOf('seeds=3', 'rounds=4')
  const terminal = Object.assign(new PassThrough(), { columns: 80, rows: 24, isTTY: true })
  let shown = ''
  terminal.on('data', (chunk) => {
    shown += chunk
  })
  const view = { write: () => {}, colors: NO_COLORS, jobs: 2, terminal: terminal as unknown as WriteStream }
  const progress = new BatchProgress(runs, view)
  await progress.look()
  for (const run of runs.slice(0, 2)) {
    progress.started(run, false)
    progress.event(run, started({ rounds: 4 }))
  }
  progress.event(runs[0]!, roundFinished(1, [1, 1], { avg: 6449 }))
  progress.ended({ run: runs[1]!, outcome: 'failed', error: new Error('no') })
  progress.stop()
  const text = stripVTControlCharacters(shown)
  expect(text).toMatch(/\[1\/3\] results\/s0-\w{8}\n/)
  expect(text).toMatch(/^\[1\] +local 1 +local 2 +avg +time +left\n/m)
  expect(text).toMatch(/^\[1\] round 1\/4 +0\.10 +0\.10 +64\.49 /m)
  expect(text).toMatch(
    / {2}\[1\] ━{6}─{18} {2}25 % {2}round 2\/4\n {2}\[2\] ─{24} {3}0 % {2}round 1\/4\n0 of 3 runs done, 8 %/,
  )
  expect(text).toMatch(/failed: \[2\/3\] results\/s1-\w{8}: no\n/)
})

test('the cores are shared, unless somebody says otherwise', async () => {
  const [run] = await runsOf('seeds=1', 'owners=100')
  const [given] = await runsOf('seeds=1', 'owners=100', 'workers=7')
  const cores = availableParallelism()
  expect([1, 2, 3, 1000].map((jobs) => workersOf(run!, jobs))).toEqual(
    [1, 2, 3, 1000].map((jobs) => Math.max(1, Math.floor(cores / jobs))),
  )
  expect(workersOf(given!, 2)).toBe(7)
})

test('a summary leaves no owner out', () => {
  const row = (series: string, mean: number) => ({ group: '', series, round: 3, seeds: 2, mean, sd: 0.01 })
  const locals = Array.from({ length: 20 }, (_, i) => row(`local_${i + 1}`, (i + 1) / 100))
  const text = summaryText({
    folder: 'results/x',
    file: 'results/x/summary.csv',
    runs: [],
    rows: [...locals, row('avg', 0.5)],
  })
  expect(text).toContain('min local  median local  max local')
  expect(text).toMatch(/^- +2 +3 +1\.00 +10\.50 +20\.00 +50\.00 ± 1\.00$/m)
  expect(text).toContain('local: of 20 owners; each of them is in the file')
  expect(summaryText({ folder: 'x', file: 'x/summary.csv', runs: [], rows: locals.slice(0, 6) })).toContain('local 6')
})
