import { join } from 'node:path'
import { expect, it } from 'vitest'
import { checkRuns } from '../../src/check/check-runs.ts'
import { readRecords } from '../../src/report/run-record.ts'
import { temporaryFolder } from '../support/folder.ts'
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
