import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { parquetReadObjects } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { tidyParquet } from '../../src/export/parquet.ts'
import { exportedRuns, METRICS, runIds } from '../../src/export/points.ts'
import { tidyCsv } from '../../src/export/table.ts'
import { loadRun } from '../../src/runs/read/load-run.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun as writeInvented } from '../support/invented-run.ts'
import { writeRun } from '../support/written-run.ts'

const load = async (...paths: string[]) => exportedRuns(await Promise.all(paths.map((path) => loadRun(path))))

/** Rows of the CSV, each as it is read by column. */
const rowsOf = (csv: string) => parse(csv, { columns: true }) as Record<string, string>[]

describe('the tidy table', () => {
  it('has a row for each figure, with the run, the round and whose it is', async () => {
    const runs = await load(writeRun(join(temporaryFolder(), 'one'), { seed: 7 }))
    const rows = rowsOf(tidyCsv(runs))
    expect(Object.keys(rows[0]!)).toEqual(['run', 'name', 'seed', 'round', 'merge', 'owner', 'metric', 'value'])
    // Three rounds: three figures of avg, and five of each of two owners.
    expect(rows).toHaveLength(3 * (3 + 2 * 5))
    const of = (round: string, metric: string) => rows.filter((row) => row.round === round && row.metric === metric)
    expect(of('2', 'accuracy')).toEqual([
      { run: 'one', name: 'fake', seed: '7', round: '2', merge: 'avg', owner: '', metric: 'accuracy', value: '0.75' },
    ])
    expect(of('3', 'local_accuracy').map(({ merge, owner, value }) => [merge, owner, value])).toEqual([
      ['', '1', '0.92'],
      ['', '2', '0.97'],
    ])
    expect(rows.map(({ round }) => Number(round))).toEqual(rows.map(({ round }) => Number(round)).sort())
  })

  it('has the keys in which the runs differ, and bytes where a run counted them', async () => {
    const folder = temporaryFolder()
    for (const [i, lr] of [0.1, 0.05].entries()) {
      writeInvented(join(folder, `${lr}`, 'run'), { config: { lr, seed: i, merge: ['avg', 'max'], rounds: 2 } })
    }
    const runs = await load(join(folder, '0.1', 'run'), join(folder, '0.05', 'run'))
    const rows = rowsOf(tidyCsv(runs))
    expect(Object.keys(rows[0]!)).toContain('config.lr')
    expect(new Set(rows.map((row) => `${row.run} ${row.seed} ${row['config.lr']}`))).toEqual(
      new Set(['0.1/run 0 0.1', '0.05/run 1 0.05']),
    )
    const up = rows.filter(({ metric }) => metric === 'up_bytes')
    expect(up.map(({ value }) => value)).toEqual(Array(8).fill('1000000'))
    expect(new Set(rows.map(({ metric }) => metric))).toEqual(new Set(Object.keys(METRICS)))
    for (const { metric, value } of rows) {
      if (!metric!.endsWith('accuracy')) continue
      expect(Number(value)).toBeGreaterThan(0)
      expect(Number(value)).toBeLessThanOrEqual(1)
    }
  })

  it('is the same as Parquet, in integers, doubles and text', async () => {
    const runs = await load(writeRun(join(temporaryFolder(), 'one'), { seed: Number.MAX_SAFE_INTEGER }))
    const file = (await tidyParquet(runs)).buffer as ArrayBuffer
    const rows = await parquetReadObjects({ file })
    const text = (value: unknown) => (value === null || value === undefined ? '' : String(value))
    const asText = rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, text(value)])))
    expect(asText).toEqual(rowsOf(tidyCsv(runs)))
    expect(rows[0]).toMatchObject({ seed: BigInt(Number.MAX_SAFE_INTEGER), round: 1n, owner: null, value: 0.5 })
  })

  it('is empty if no round was finished', async () => {
    const none = { status: 'interrupted', unified: { avg: [] }, local: [[], []], rounds: 3 } as const
    const runs = await load(writeRun(join(temporaryFolder(), 'none'), none))
    expect(tidyCsv(runs)).toBe('run,name,seed,round,merge,owner,metric,value\n')
    expect(await parquetReadObjects({ file: (await tidyParquet(runs)).buffer as ArrayBuffer })).toEqual([])
  })
})

describe('the ids of runs', () => {
  it('are as much of their paths as tells them apart', () => {
    expect(runIds(['results/a/1', './results/a/2/'])).toEqual(['1', '2'])
    expect(runIds(['a/x/1', 'b/x/1', 'b/x/2'])).toEqual(['a/x/1', 'b/x/1', 'b/x/2'])
    expect(runIds(['one'])).toEqual(['one'])
  })
})
