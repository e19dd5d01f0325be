import { describe, expect, it } from 'vitest'
import type { Dataset } from '../../src/data/dataset.ts'
import { columns } from '../../src/report/terminal/columns.ts'
import { paperTable } from '../../src/report/terminal/paper-table.ts'
import { shardTable } from '../../src/report/terminal/shard-table.ts'

/** table.csv of so many rounds, owners and merges. */
function table(rounds: number, owners: number, merges: readonly string[]): string[][] {
  const head = ['epoch', ...Array.from({ length: owners }, (_, i) => `local_${i + 1}`), ...merges]
  const rows = Array.from({ length: rounds }, (_, r) => [String(r + 1), ...head.slice(1).map((_, c) => `${r}.${c}0`)])
  return [head, ...rows]
}

const lines = (text: string) => text.split('\n').map((line) => line.trimEnd())

describe('columns', () => {
  it('aligns numbers to the right, without a frame or colours', () => {
    const text = columns(
      ['name', 'n'],
      [
        ['a', '1'],
        ['long name', '1,000'],
      ],
    )
    expect(lines(text)).toEqual(['name           n', 'a              1', 'long name  1,000'])
  })
})

describe('the paper’s table', () => {
  it('shows a few rounds as they are', () => {
    const text = paperTable([
      ['epoch', 'local_1', 'local_2', 'avg', 'absmax'],
      ['1', '95.01', '98.48', '64.49', '9.90'],
      ['10', '96.00', '99.00', '86.40', '10.00'],
    ])
    expect(lines(text)).toEqual([
      'round  local 1  local 2    avg  absmax',
      '1        95.01    98.48  64.49    9.90',
      '10       96.00    99.00  86.40   10.00',
    ])
  })

  it('cuts many rounds to the first and the last ones', () => {
    expect(lines(paperTable(table(12, 2, ['avg'])))).toHaveLength(13)
    const shown = lines(paperTable(table(50, 2, ['avg'])))
    expect(shown).toHaveLength(13)
    expect(shown.slice(1).map((line) => line.split(' ')[0])).toEqual([
      '1',
      '2',
      '3',
      '…',
      '43',
      '44',
      '45',
      '46',
      '47',
      '48',
      '49',
      '50',
    ])
    expect(shown[4]).toBe('…')
  })

  it('tells the spread of many owners, and keeps every merge', () => {
    const head = ['epoch', ...Array.from({ length: 9 }, (_, i) => `local_${i + 1}`), 'avg', 'pooled']
    const row = ['1', '50.00', '10.00', '90.00', '20.00', '80.00', '30.00', '70.00', '40.00', '65.00', '71.00', '88.00']
    expect(lines(paperTable([head, row]))).toEqual([
      'round  local min  local median  local max    avg  pooled',
      '1          10.00         50.00      90.00  71.00   88.00',
    ])
    const [eight] = lines(paperTable(table(2, 8, ['avg'])))
    expect(eight).toMatch(/^round {2}local 1 .* local 8 +avg$/)
  })

  it('tells the spread of those of many owners that share their metrics', () => {
    const head = ['epoch', ...Array.from({ length: 9 }, (_, i) => `local_${i + 1}`), 'avg']
    const some = ['1', '', '10.00', '', '', '', '30.00', '', '', '', '71.00']
    const none = ['2', ...Array(9).fill(''), '']
    expect(lines(paperTable([head, some, none]))).toEqual([
      'round  local min  local median  local max    avg',
      '1          10.00         20.00      30.00  71.00',
      '2',
    ])
  })

  it('has its head where no round was finished', () => {
    for (const word of ['epoch', 'round']) {
      expect(lines(paperTable([[word, 'local_1', 'avg']]))[0]).toBe('round  local 1  avg')
    }
  })
})

describe('the table of shards', () => {
  const labels = new Uint8Array(new SharedArrayBuffer(60)).map((_, i) => i % 3)
  const dataset = { labels, classes: 3, count: 60 } as unknown as Dataset
  const shard = (owner: number, train: number[], test: number[]) => ({
    owner,
    train: Uint32Array.from(train),
    test: Uint32Array.from(test),
  })

  it('tells who holds what', () => {
    const text = shardTable(dataset, [shard(1, [0, 1, 3, 6], [9]), shard(2, [2, 5], [4])])
    expect(lines(text)).toEqual([
      '         train  test  0  1  2',
      'owner 1      4     1  4  1  0',
      'owner 2      2     1  0  1  2',
    ])
  })

  it('names only the first of many owners', () => {
    const shards = Array.from({ length: 20 }, (_, i) => shard(i + 1, [i], [i + 20]))
    const shown = lines(shardTable(dataset, shards))
    expect(shown).toHaveLength(14)
    expect(shown.at(-1)).toBe('… and 8 more owners')
  })
})
