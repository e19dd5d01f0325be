import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { eventsOf, manifestOf, rowsOf } from '../support/run-folder.ts'

const { experiment, folder } = workshop({ train: 3000, test: 1000 })

test('500 owners train, are merged, told of in a few lines, and drawn in a report', { timeout: 120_000 }, async () => {
  const file = experiment('many', { owners: 500, rounds: 2, merge: ['avg', 'max'] })
  const { code, err, out } = await runBinary(['run', file, '--run-id', 'run'])
  expect(code).toBe(0)
  const run = join(folder, 'results', 'many', 'run')
  expect(manifestOf(run)).toMatchObject({ status: 'finished', rounds: 2 })

  const local = rowsOf(run, 'local.csv')
  expect(local.map(({ round, owner }) => `${round} ${owner}`)).toEqual(
    [1, 2].flatMap((round) => Array.from({ length: 500 }, (_, i) => `${round} ${i + 1}`)),
  )
  expect(Object.keys(rowsOf(run, 'table.csv')[0]!)).toHaveLength(1 + 500 + 2)
  expect(rowsOf(run, 'unified.csv').map(({ owners }) => owners)).toEqual(['500', '500', '500', '500'])
  expect(eventsOf(run).filter(({ type }) => type === 'owner-trained')).toHaveLength(1000)

  expect(err).toContain('… and 488 more owners')
  expect(err).toMatch(/local min +median +max +avg .*\n.*\nround 2\/2( +\d+\.\d\d){4} /)
  expect(out).toMatch(/^\s*round {2}local min {2}local median {2}local max +avg +max$/m)
  for (const line of `${err}\n${out}`.split('\n')) expect(line.length).toBeLessThan(150)

  const reported = await runBinary(['report', run])
  expect(reported.code).toBe(0)
  const html = readFileSync(join(run, 'report.html'), 'utf8')
  expect(html).toContain('median of 500 owners')
  expect(html.length).toBeLessThan(500_000)
})
