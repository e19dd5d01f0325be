import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dataSize } from '../../src/format.ts'
import { trafficPairs } from '../../src/report/html/block/traffic.ts'
import { readRecords } from '../../src/report/run-record.ts'
import { summaryText } from '../../src/report/terminal/run-text.ts'
import { trafficTotals } from '../../src/report/traffic.ts'
import { type LoadedRun, loadRun } from '../../src/runs/read/load-run.ts'
import { NO_COLORS } from '../../src/visible.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun as inventRun } from '../support/invented-run.ts'
import { edit, writeRun } from '../support/written-run.ts'

/** So many rounds of two owners, and their rows: round, owner, bytes down and up. */
const run = (rounds: number, ...bytes: readonly (readonly [number, number, number, number])[]) =>
  ({
    rounds,
    manifest: { shards: [{ owner: 1 }, { owner: 2 }] },
    traffic: bytes.map(([round, owner, down_bytes, up_bytes]) => ({ round, owner, down_bytes, up_bytes })),
  }) as unknown as LoadedRun

const summary = async (run: string) => summaryText(await loadRun(run), NO_COLORS)

it('sizes have two digits or more', () => {
  const written = [0, 312, 999, 1000, 1687, 9949, 9951, 34_400, 999_499, 999_500, 1_700_000, 2.5e9, 7e12, 5e15]
  expect(written.map(dataSize)).toEqual([
    ...['0 bytes', '312 bytes', '999 bytes', '1.0 kB', '1.7 kB', '9.9 kB', '10 kB', '34 kB', '999 kB', '1.0 MB'],
    ...['1.7 MB', '2.5 GB', '7.0 TB', '5,000 TB'],
  ])
})

it('totals are of all, of an owner and round, and by owner', () => {
  expect(trafficTotals(run(2, [1, 1, 30, 10], [1, 2, 30, 20], [2, 1, 20, 10], [2, 2, 20, 20]))).toEqual({
    all: { down: 100, up: 60 },
    each: { down: 25, up: 15 },
    even: false,
    owners: new Map([
      [1, { down: 50, up: 20 }],
      [2, { down: 50, up: 40 }],
    ]),
  })
  expect(trafficTotals(run(1, [1, 1, 30, 10], [1, 2, 30, 10]))).toMatchObject({ even: true })
  // An owner that was not drawn has no row: 30 and 10 bytes over two owners.
  expect(trafficTotals(run(1, [1, 1, 30, 10]))).toEqual({
    all: { down: 30, up: 10 },
    each: { down: 15, up: 5 },
    even: false,
    owners: new Map([
      [1, { down: 30, up: 10 }],
      [2, { down: 0, up: 0 }],
    ]),
  })
  expect(trafficTotals(run(1))).toBeUndefined()
  expect(trafficTotals({ ...run(1), traffic: undefined })).toBeUndefined()
})

describe('the end of a run', () => {
  it('says what travelled, in all and for each owner and round', async () => {
    const run = join(temporaryFolder(), 'a')
    inventRun(run, { config: { rounds: 4 } })
    expect(await summary(run)).toContain(
      '\nmodels and updates: 18 MB down and 8.0 MB up in all, on average 2.3 MB and 1.0 MB for each owner and round\n',
    )
    for (let i = 0; i < 2; i++) edit(join(run, 'traffic.csv'), '3000000', '2000000')
    expect(await summary(run)).toContain(
      '\nmodels and updates: 16 MB down and 8.0 MB up in all, 2.0 MB and 1.0 MB for each owner and round\n',
    )
  })

  it('says nothing of it if the run did not count', async () => {
    const text = await summary(writeRun(join(temporaryFolder(), 'a')))
    expect(text).toContain('unified accuracy')
    expect(text).not.toContain('updates')
  })
})

describe('the report', () => {
  const pairs = async (run: string) => trafficPairs((await readRecords([run]))[0]!)

  it('has all, and that of each owner and round', async () => {
    const run = join(temporaryFolder(), 'a')
    inventRun(run, { config: { rounds: 4 } })
    expect(await pairs(run)).toEqual([
      ['in all', '18 MB down, 8.0 MB up'],
      ['each owner and round, on average', '2.3 MB down, 1.0 MB up'],
    ])
    expect(await pairs(writeRun(join(temporaryFolder(), 'b')))).toEqual([])
  })

  it('has that of each owner if they are uneven, and of many their extremes', async () => {
    const uneven = async (owners: number) => {
      const run = join(temporaryFolder(), 'a')
      inventRun(run, { config: { rounds: 1, owners, env: { dirichlet: { alpha: 1 } } } })
      edit(join(run, 'traffic.csv'), '1,2,3000000,1000000', '1,2,7000000,500000')
      return (await pairs(run)).slice(2)
    }
    expect(await uneven(2)).toEqual([
      ['owner 1', '3.0 MB down, 1.0 MB up'],
      ['owner 2', '7.0 MB down, 500 kB up'],
    ])
    expect(await uneven(40)).toEqual([
      ['down, by owner', '3.0 MB to 7.0 MB, median 3.0 MB'],
      ['up, by owner', '500 kB to 1.0 MB, median 1.0 MB'],
    ])
  })
})
