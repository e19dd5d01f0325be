import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { checkRuns } from '../../src/check/check-runs.ts'
import { readRecords } from '../../src/report/run-record.ts'
import { BINARY, runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun as writeInvented } from '../support/invented-run.ts'
import { processorSeconds } from '../support/processor-time.ts'
import { writeRun } from '../support/written-run.ts'

it.each(['interrupted', 'finished'] as const)(
  'a run of many owners and rounds that is %s is read in linear time',
  async (status) => {
    const [owners, rounds] = [100, 500]
    const expectations = [
      { metric: 'participants', 'each-round': owners },
      { metric: 'unified', min: 0 },
      { metric: 'local', min: 0, at: 'best' },
    ]
    const series = Array.from({ length: rounds }, (_, i) => 0.5 + i / 2000)
    const run = writeRun(join(temporaryFolder(), 'large'), {
      local: Array.from({ length: owners }, () => series),
      unified: { avg: series },
      rounds: rounds + (status === 'finished' ? 0 : 1),
      status,
      expect: expectations,
    })
    const took = await processorSeconds(async () => {
      const [{ outcomes } = { outcomes: [] }] = await checkRuns([run])
      expect(outcomes.filter((one) => one.status === 'error')).toEqual([])
      await readRecords([run])
    })
    // Two minutes, where each round looked through all rows.
    expect(took).toBeLessThan(5)
  },
)

// 280 MB of events. The bound is of V8's heap: what a process may collect and when is no matter then.
describe('a run of 100 owners and 1,900 rounds fits into a heap of 150 MB, and 300 MB of memory', () => {
  const run = join(workshop().folder, 'run')
  const expectations = join(run, 'expect.yaml')
  beforeAll(() => {
    writeInvented(run, {
      config: { env: 'dirichlet', alpha: 1, owners: 100, rounds: 1901 },
      done: 1900,
      status: 'interrupted',
    })
    writeFileSync(expectations, '- { metric: unified, min: 0 }\n')
  }, 60_000)

  it.each([
    ['check', 1, [run, '--expect', expectations]],
    ['report', 0, [run]],
    ['compare', 0, [run, run]],
    ['verify', 0, [run]],
    ['show', 0, [run]],
  ] as const)('%s', { timeout: 120_000 }, async (command, expected, args) => {
    const told = `process.on('exit', () => process.stderr.write(process.resourceUsage().maxRSS + ' kB'))`
    const limit = ['--max-old-space-size=150', '--import', `data:text/javascript,${told}`, BINARY, command, ...args]
    const { code, signal, err } = await runBinary(limit, { command: [process.execPath], patience: 120_000 })
    expect([code, signal, err.replace(/^(note|error): .*\n/gm, '')]).toEqual([
      expected,
      null,
      expect.stringMatching(/^\d+ kB$/),
    ])
    expect(Number(/(\d+) kB$/.exec(err)![1])).toBeLessThan(300_000)
  })
})
