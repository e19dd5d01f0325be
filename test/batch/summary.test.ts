import { join } from 'node:path'
import { expect, test } from 'vitest'
import { summarise, summaryCsv } from '../../src/batch/summary.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/written-run.ts'

const runFolder = (root: string, name: string, accuracy: number): string =>
  writeRun(join(root, name), { local: [[accuracy], [0.5]], unified: { avg: [accuracy] } })

const experiment = (values: Record<string, unknown>) =>
  resolveExperiment([{ kind: 'file', values, where: () => 'test' }])

test('runs of one group are seeds of each other, groups stay apart', async () => {
  const root = temporaryFolder()
  const rows = await summarise([
    { group: 'V', path: runFolder(root, 'a', 0.25), experiment: experiment({ env: 'V' }) },
    { group: 'V', path: runFolder(root, 'b', 0.75), experiment: experiment({ env: 'V', seed: 1 }) },
    { group: 'H', path: runFolder(root, 'c', 0.5), experiment: experiment({ env: 'H' }) },
  ])
  expect(rows).toEqual([
    { group: 'V', series: 'local_1', round: 1, seeds: 2, mean: 0.5, sd: Math.sqrt(0.125) },
    { group: 'V', series: 'local_2', round: 1, seeds: 2, mean: 0.5, sd: 0 },
    { group: 'V', series: 'avg', round: 1, seeds: 2, mean: 0.5, sd: Math.sqrt(0.125) },
    { group: 'H', series: 'local_1', round: 1, seeds: 1, mean: 0.5, sd: Number.NaN },
    { group: 'H', series: 'local_2', round: 1, seeds: 1, mean: 0.5, sd: Number.NaN },
    { group: 'H', series: 'avg', round: 1, seeds: 1, mean: 0.5, sd: Number.NaN },
  ])
  expect(summaryCsv(rows).split('\n').slice(0, 3)).toEqual([
    'group,series,round,seeds,mean,sd',
    `V,local_1,1,2,0.5,${Math.sqrt(0.125)}`,
    'V,local_2,1,2,0.5,0',
  ])
  expect(summaryCsv(rows)).toContain('H,avg,1,1,0.5,\n')
})

test('two experiments under one name are not taken for seeds of one', async () => {
  const root = temporaryFolder()
  const rows = await summarise([
    { group: 'V', path: runFolder(root, 'a', 0.25), experiment: experiment({ lr: 0.1 }) },
    { group: 'V', path: runFolder(root, 'b', 0.75), experiment: experiment({ lr: 0.2, seed: 1 }) },
    { group: 'H', path: runFolder(root, 'c', 0.5), experiment: experiment({ env: 'H' }) },
  ])
  const avg = rows.filter(({ series }) => series === 'avg')
  expect(avg.map(({ seeds, mean }) => [seeds, mean])).toEqual([
    [1, 0.25],
    [1, 0.75],
    [1, 0.5],
  ])
  expect(avg[0]!.group).toMatch(/^V-[\da-f]{8}$/)
  expect(new Set(avg.map(({ group }) => group)).size).toBe(3)
  expect(avg[2]!.group).toBe('H')
})
