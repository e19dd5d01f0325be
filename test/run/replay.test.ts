import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { Timetable } from '../../src/federation/arrivals.ts'
import { plannedOrder, realOrder } from '../../src/federation/order.ts'
import { start } from '../support/binary.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { manifestOf, rowsOf } from '../support/run-folder.ts'

const { experiment, folder } = workshop()
const at = (name: string, id: string, file = '') => join(folder, 'results', name, id, file)
const run = async (file: string, id: string, ...more: string[]) =>
  await fedunify(['run', file, '--run-id', id, '--quiet', '--no-report', '--device', 'cpu', ...more])
const given = { env: 'H', rounds: 6, pace: { fedbuff: { size: 2 } }, speeds: [1, 3] }
const FILES = ['unified.csv', 'local.csv', 'traffic.csv', 'arrivals.csv', 'model.safetensors']

describe('what owners are at', () => {
  it('follows from the order of arrivals', () => {
    // Versions of two arrivals: 1 and 1, then 2 and 1.
    const table = new Timetable([1, 2], 2)
    const land = (owner: number, time: number) => {
      const { turn, from, at } = table.land(owner, time)
      return [turn, from, at]
    }
    expect([land(1, 5), land(1, 7), land(2, 8), land(1, 9)]).toEqual([[1, 0, 1], [2, 0, 1], [1, 0, 2], [3, 1, 2]]) // biome-ignore format: rows
    expect([table.of(1), table.of(2), table.version]).toEqual([{ turn: 4, from: 2 }, { turn: 2, from: 1 }, 3])
    expect([0, 1, 2].map((version) => table.turnsIn(1, version))).toEqual([0, 2, 3])
    expect(new Timetable([1, 2], 2, table.arrivals).arrivals).toEqual(table.arrivals)
  })
})

describe('an order', () => {
  it('that is planned tells of which version a training is, and goes on where it was', async () => {
    const { arrivals } = new Timetable([1, 2], 1, [{ owner: 1, time: 1 }, { owner: 2, time: 1 }, { owner: 1, time: 2 }]) // biome-ignore format: row
    const order = plannedOrder(arrivals, 1)
    expect([order.versionOf(1, 2), order.versionOf(2, 1), order.versionOf(2, 2)]).toEqual([3, 2, undefined])
    expect([order.past.length, (await order.next()).owner, (await order.next()).owner]).toEqual([1, 2, 1])
  })

  it('that is real is that in which trainings end; one that fails is told of in its turn', async () => {
    const order = realOrder([{ owner: 1, time: 40 }])
    const ends: ((value?: unknown) => void)[] = []
    const training = () => new Promise((resolve) => ends.push(resolve))
    for (const owner of [1, 2]) order.began(owner, training())
    order.began(3, Promise.reject(new Error('it fails')))
    await expect(order.next()).rejects.toThrow('it fails')
    const waiting = order.next()
    ends[1]!()
    expect((await waiting).owner).toBe(2)
    ends[0]!()
    const { owner, time } = await order.next()
    expect([owner, time >= 40, order.versionOf(1, 9)]).toEqual([1, true, 'unknown'])
  })
})

describe('a replay', () => {
  let file: string
  beforeAll(async () => {
    file = experiment('async', given)
    expect(await run(file, 'a')).toMatchObject({ code: 0 })
  }, 60_000)

  it('of a run comes to its bits, with and without its experiment file', async () => {
    expect(rowsOf(at('async', 'a'), 'arrivals.csv').slice(0, 5).map((row) => Object.values(row).map(Number))).toEqual([
      [1, 1, 1, 0, 1],
      [1, 2, 1, 0, 2],
      [2, 3, 1, 1, 3],
      [2, 4, 2, 0, 3],
      [3, 5, 1, 1, 4],
    ]) // biome-ignore format: rows
    expect(await run(file, 'b', '--replay', at('async', 'a'))).toMatchObject({ code: 0 })
    const own = [
      'run',
      '--replay',
      at('async', 'a'),
      '--run-id',
      'c',
      '--no-report',
      '--quiet',
      '--out',
      join(folder, 'results'),
    ]
    expect(await fedunify(own)).toMatchObject({ code: 0 })
    for (const id of ['b', 'c']) {
      for (const one of FILES) {
        expect([id, one, readFileSync(at('async', id, one)).equals(readFileSync(at('async', 'a', one)))]).toEqual([id, one, true]) // biome-ignore format: row
      }
      expect(manifestOf(at('async', id)).arrivals).toBe(`those of async/${manifestOf(at('async', 'a')).started}`)
    }
    expect(manifestOf(at('async', 'a')).arrivals).toBeUndefined()
  })

  it('that was interrupted goes on with it, and not without', async () => {
    const replay = ['--replay', at('async', 'a')]
    expect(await run(file, 'parts', ...replay, '--stop-after', '3')).toMatchObject({ code: 0 })
    const resume = ['run', '--resume', at('async', 'parts'), '--set', 'stop-after=null', '--quiet', '--no-report']
    const without = await fedunify(resume)
    expect([without.code, without.err]).toEqual([2, expect.stringContaining('arrivals (run: "those of async/')])
    expect(await fedunify([...resume, ...replay])).toMatchObject({ code: 0 })
    for (const one of FILES) expect(readFileSync(at('async', 'parts', one)).equals(readFileSync(at('async', 'a', one)))).toBe(true) // biome-ignore format: row
  })

  it('says how to go on if it is interrupted', async () => {
    const long = experiment('long', { ...given, rounds: 400 })
    expect(await run(long, 'a', '--stop-after', '30')).toMatchObject({ code: 0 })
    const replay = ['--replay', at('long', 'a'), '--stop-after', '30']
    const running = start(['run', long, '--run-id', 'b', '--device', 'cpu', ...replay])
    await running.says(/round +2\//)
    running.child.kill('SIGINT')
    const { code, err } = await running.ended
    expect([code, err]).toEqual([130, expect.stringMatching(/hint: go on with: .* run --resume .*b --replay .*a\n/)])
  }, 60_000)

  it.each([
    ['another experiment', { lr: 0.07 }, [], 'cannot replay .*: lr \\(run: 0.05, now: 0.07\\) differs'],
    ['other owners', { owners: 3, env: 'V' }, [], 'cannot replay .*: .*owners \\(run: 2, now: 3\\).* differ'],
    ['other images', { images: 200 }, [], 'cannot replay .*: .*images of owner 1 \\(run: .*'],
    ['more rounds', { rounds: 9 }, [], 'cannot replay .*: rounds \\(run: 6, now: 9\\) differs'],
    ['no pace', { pace: 'sync', speeds: undefined }, [], 'this experiment waits for all owners in each round'],
    ['several values', {}, ['--set', 'lr=0.1,0.2'], '--replay is for one run, but this asks for several'],
  ])('with %s is refused before anything is written', async (_, more, flags, why) => {
    const other = experiment('other', { ...given, ...more })
    const replay = ['--replay', at('async', 'a')]
    const { code, err } = await fedunify(['run', other, '--quiet', '--device', 'cpu', ...replay, ...flags])
    expect([code, err]).toEqual([2, expect.stringMatching(new RegExp(`^error: ${why}`))])
    expect(existsSync(at('other', ''))).toBe(false)
  })

  it('of a record that was changed, or is too short, is refused', async () => {
    expect(await run(file, 'short', '--stop-after', '2')).toMatchObject({ code: 0 })
    const short = await run(file, 'x', '--replay', at('async', 'short'))
    expect([short.code, short.err]).toEqual([
      2,
      expect.stringMatching(
        /error: .*short has recorded the arrivals of 2 of 6 rounds\nhint: replay as many: --stop-after 2/,
      ),
    ])
    expect(await run(file, 'two', '--replay', at('async', 'short'), '--stop-after', '2')).toMatchObject({ code: 0 })
    appendFileSync(at('async', 'short', 'arrivals.csv'), '3,5,2,0,9\n')
    const longer = await run(file, 'x', '--replay', at('async', 'short'), '--stop-after', '2')
    expect([longer.code, longer.err]).toEqual([3, expect.stringContaining('arrivals.csv: it is longer than')])
    const edited = readFileSync(at('async', 'two', 'arrivals.csv'), 'utf8').replace('1,1,1,0', '1,1,2,0')
    writeFileSync(at('async', 'two', 'arrivals.csv'), edited)
    const changed = await run(file, 'x', '--replay', at('async', 'two'), '--stop-after', '2')
    expect([changed.code, changed.err]).toEqual([3, expect.stringContaining('arrivals.csv: it was edited')])
    expect(existsSync(at('async', 'x'))).toBe(false)
  })
})
