import { expect, it } from 'vitest'
import { plainTables, TABLES } from '../../src/remerge/plain.ts'
import type { RecordedScore, Remerged } from '../../src/remerge/remerge-run.ts'
import { together } from '../../src/remerge/together.ts'

const row = (round: number, rule: string, accuracy: number, more: Partial<RecordedScore> = {}): RecordedScore => ({
  ...{ round, rule, name: rule.split(':')[0]!, accuracy, loss: 1, delta: 0, distance: 0, recorded: undefined },
  contributions: [],
  ...more,
})
const table = (rows: readonly RecordedScore[], more: Partial<Remerged> = {}): Remerged => {
  return { driver: 'avg', without: [], rows, notes: [], ...more }
}
const shapley = { method: 'shapley', owner: 1, without: undefined, points: 4 } as const
const left = { method: 'leave-one-out', owner: 1, without: 0.5, points: 20 } as const

it('new rows take the place of those of the same rule and round, and others stay', () => {
  const before = table([row(2, 'avg', 0.7), row(2, 'max', 0.5)], { notes: ['a'] })
  const found = table([row(1, 'avg', 0.6), row(2, 'max', 0.4), row(2, 'ties', 0.8)], { notes: ['a', 'b'] })
  const [joined, ...others] = together([before], found)
  expect(others).toEqual([])
  expect(joined!.rows.map(({ round, rule, accuracy }) => [round, rule, accuracy])).toEqual([
    [1, 'avg', 0.6],
    [2, 'avg', 0.7],
    [2, 'max', 0.4],
    [2, 'ties', 0.8],
  ])
  expect(joined!.notes).toEqual(['a', 'b'])
})

it('contributions that were not asked for again stay, as long as the accuracy is the same', () => {
  const before = table([row(1, 'avg', 0.7, { contributions: [left] }), row(1, 'max', 0.5, { contributions: [left] })])
  const found = table([row(1, 'avg', 0.7, { contributions: [shapley] }), row(1, 'max', 0.4)])
  expect(together([before], found)[0]!.rows.map(({ contributions }) => contributions)).toEqual([[left, shapley], []])
  const again = table([row(1, 'avg', 0.7, { contributions: [{ ...left, points: 21 }] })])
  expect(together([before], again)[0]!.rows[0]!.contributions).toEqual([{ ...left, points: 21 }])
})

it('there is a table for each set of owners that are left out, whatever their order', () => {
  const first = together([table([row(1, 'avg', 0.7)])], table([row(1, 'avg', 0.6)], { without: [3, 1] }))
  expect(first.map(({ without }) => without)).toEqual([[], [3, 1]])
  const second = together(first, table([row(1, 'avg', 0.5)], { without: [1, 3] }))
  expect(second.map(({ rows }) => rows[0]!.accuracy)).toEqual([0.7, 0.5])
})

it('what is written is read as it was', () => {
  const unused: RecordedScore = {
    round: 1,
    rule: 'krum:f=1',
    name: 'krum',
    reason: 'few',
    recorded: undefined,
    contributions: [],
  }
  const tables = [
    table([
      row(1, 'avg', 0.7, { recorded: 0.7, contributions: [left, shapley] }),
      { ...unused, delta: undefined, distance: undefined },
    ]),
    table([row(1, 'max', 0.5, { withoutContributions: 'few' })], { without: [2], notes: ['b'] }),
  ]
  expect(TABLES.parse(JSON.parse(JSON.stringify(plainTables(tables))))).toEqual(tables)
})
