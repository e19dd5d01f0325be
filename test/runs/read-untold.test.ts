import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadRun } from '../../src/runs/read/load-run.ts'
import { temporaryFolder } from '../support/folder.ts'
import { edit, writeRun } from '../support/written-run.ts'

/** A run of two rounds, in which these of two owners share no metrics. */
function runWithout(...silent: readonly number[]): string {
  const path = writeRun(join(temporaryFolder(), 'a'), {
    local: [
      [0.9, 0.91],
      [0.95, 0.96],
    ],
    unified: { avg: [0.5, 0.75] },
  })
  for (const owner of silent) {
    edit(join(path, 'manifest.json'), new RegExp(`("owner": ${owner},[^}]*?"test": )2`), '$1null')
    edit(join(path, 'local.csv'), new RegExp(`^(\\d,${owner},1,10,).*$`, 'gm'), '$1,,')
  }
  if (silent.includes(1)) edit(join(path, 'table.csv'), /(?<=^\d,)9[\d.]+(?=,)/gm, '')
  if (silent.includes(2)) edit(join(path, 'table.csv'), /(?<=^\d,[\d.]*,)9[\d.]+(?=,)/gm, '')
  if (silent.length === 2) {
    edit(join(path, 'unified.csv'), /^(\d,avg,2),.*$/gm, '$1,,')
    edit(join(path, 'table.csv'), /(?<=^\d,,,).*$/gm, '')
  }
  return path
}

describe('a run with an owner that shares no metrics', () => {
  it('is read: what was not told is no number', async () => {
    const { local, series } = await loadRun(runWithout(2))
    expect(local.map(({ owner, local_accuracy }) => [owner, local_accuracy])).toEqual([
      [1, 0.9],
      [2, undefined],
      [1, 0.91],
      [2, undefined],
    ])
    expect([...series.keys()]).toEqual(['local_1', 'avg'])
  })

  it('may have no accuracy at all', async () => {
    const { rounds, series, unified } = await loadRun(runWithout(1, 2))
    expect([rounds, series.size]).toEqual([2, 0])
    expect(unified.map(({ accuracy, loss }) => [accuracy, loss])).toEqual(Array(2).fill([undefined, undefined]))
  })

  it.each<[string, readonly number[], string, RegExp, string, string]>([
    [
      'an accuracy that nobody told',
      [2],
      'local.csv',
      /^(1,2,1,10,),,/m,
      '$1,0.5,',
      ':3: it has a figure that nobody measured',
    ],
    ['a zero for a loss', [2], 'local.csv', /^(1,2,1,10,),/m, '$10,', ':3: it has a figure that nobody measured'],
    ['no accuracy of one that shares', [2], 'local.csv', /,0\.9,/, ',,', ':2: a figure is missing'],
    ['no accuracy where all share', [], 'local.csv', /,0\.96,/, ',,', ':5: a figure is missing'],
    ['no unified accuracy where all share', [], 'unified.csv', /,0\.75,/, ',,', ':3: a figure is missing'],
    ['a unified loss alone', [1, 2], 'unified.csv', /^1,avg,2,,$/m, '1,avg,2,,0.5', ':2: a figure is missing'],
    ['a unified accuracy of nobody', [1, 2], 'unified.csv', /^1,avg,2,,$/m, '1,avg,2,0.5,0.5', ':2: it has a figure'],
    ['no text for a number', [2], 'local.csv', /^1,2,1,10,/m, '1,2,,10,', ':3: epochs: expected a number'],
    ['a cell of table.csv filled in', [2], 'table.csv', /^1,90\.00,,/m, '1,90.00,95.00,', 'other tables say nothing'],
  ])('is damaged if it has %s', async (_, silent, file, from, to, message) => {
    const run = runWithout(...silent)
    edit(join(run, file), from, to)
    await expect(loadRun(run)).rejects.toMatchObject({
      code: 'E_RUN_DAMAGED',
      message: expect.stringContaining(message),
    })
  })
})
