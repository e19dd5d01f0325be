import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadRun } from '../../src/runs/read/load-run.ts'
import { lastRound, pointAt } from '../../src/runs/read/series.ts'
import { kindOfSeries, localSeries, modelName, ownerOf, seriesTitle } from '../../src/runs/series-name.ts'
import { temporaryFolder } from '../support/folder.ts'
import { edit, writeRun } from '../support/written-run.ts'

const run = () => loadRun(writeRun(join(temporaryFolder(), 'run'), { unified: { avg: [0.5, 0.75, 0.75] } }))

describe('the series of a run', () => {
  it('are those of both tables, with the line of each point', async () => {
    const { series } = await run()
    expect([...series.keys()]).toEqual(['local_1', 'local_2', 'avg'])
    expect(series.get('local_2')![1]).toEqual({ round: 2, accuracy: 0.96, line: 5 })
    expect(series.get('avg')![1]).toEqual({ round: 2, accuracy: 0.75, loss: 0.5, line: 3 })
    expect(lastRound(series.get('avg')!)).toBe(3)
    expect(lastRound([])).toBe(0)
  })

  it('have a point at a round, at the end, and an earliest best one', async () => {
    const one = await run()
    const rounds = ([1, 'end', 'best', 4] as const).map((at) => pointAt(one, 'avg', at)?.round)
    expect(rounds).toEqual([1, 3, 2, undefined])
    expect(pointAt(one, 'max', 'end')).toBeUndefined()
  })
})

describe('the name of a series', () => {
  it('says whose model it is of', () => {
    expect([localSeries(12), 'avg', 'pooled'].map(ownerOf)).toEqual([12, undefined, undefined])
    expect(['local_1', 'avg', 'pooled'].map(kindOfSeries)).toEqual(['local', 'unified', 'pooled'])
  })

  it('is written for people in two ways', () => {
    expect(['local_1', 'avg'].map(seriesTitle)).toEqual(['local 1', 'avg'])
    expect(['local_1', 'avg'].map(modelName)).toEqual(['owner 1', 'avg'])
  })
})

it('is read from a table.csv that says round, where the paper says epoch', async () => {
  const path = writeRun(join(temporaryFolder(), 'run'))
  const before = await loadRun(path)
  edit(join(path, 'table.csv'), /^epoch,/, 'round,')
  const { series, tables } = await loadRun(path)
  expect(series).toEqual(before.series)
  expect(tables.table[0]).toEqual(['round', 'local_1', 'local_2', 'avg'])
})
