import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configHash } from '../../src/config/hash.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'
import { decodeSafetensors, safetensorsSize } from '../../src/weights/safetensors.ts'
import { start } from '../support/binary.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'

const { experiment, folder } = workshop()
const at = (name: string, id: string, file = '') => join(folder, 'results', name, id, file)
const read = (name: string, id: string, file: string) => readFileSync(at(name, id, file))
const rowsOf = (name: string, file: string) => read(name, 'a', file).toString().trim().split('\n').slice(1)
const run = async (file: string, id: string, ...more: string[]) =>
  await fedunify(['run', file, '--run-id', id, '--quiet', '--device', 'cpu', ...more])
const given = { env: 'H', rounds: 7, pace: { fedasync: { alpha: 0.5 } }, speeds: [1, 3] }

describe('a run without waiting', () => {
  it('makes a version of each arrival, and logs them in their order', async () => {
    expect(await run(experiment('async', given), 'a')).toMatchObject({ code: 0 })
    const events = read('async', 'a', 'events.jsonl').toString().trim().split('\n').map((line) => JSON.parse(line)) // biome-ignore format: one line
    const arrivals = events.flatMap(({ arrivals = [] }) => arrivals)
    expect(arrivals.map(({ owner, time, staleness }: Record<string, number>) => [owner, time, staleness])).toEqual([
      [1, 1, 0],
      [1, 2, 0],
      [1, 3, 0],
      [2, 3, 3],
      [1, 4, 1],
      [1, 5, 0],
      [1, 6, 0],
    ])
    expect(arrivals[3].weight).toBe(0.25)
    expect(rowsOf('async', 'local.csv').map((row) => row.split(',').slice(0, 2).join())).toEqual(
      [1, 1, 1, 2, 1, 1, 1].map((owner, i) => `${i + 1},${owner}`),
    )
    expect(rowsOf('async', 'unified.csv')).toHaveLength(7)
    expect(await fedunify(['verify', at('async', 'a')])).toMatchObject({ code: 0 })
  })

  it('counts what an owner sends in the round of its arrival', () => {
    const size = safetensorsSize(decodeSafetensors(read('async', 'a', 'model.safetensors'), 'model').weights)
    const bytes = rowsOf('async', 'traffic.csv').map((row) => row.split(',').map(Number))
    expect(bytes.map(([, , , up]) => up! / size)).toEqual([1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0])
    // All evaluate each version; at first each is sent the initial model too.
    expect(bytes.map(([, , down]) => down! / size)).toEqual([2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
  })

  it.each([
    ['fedasync', {}],
    ['fedbuff', { pace: { fedbuff: { size: 3 } }, speeds: [2, 3] }],
    ['last-models', { pace: 'last-models' }],
  ])(
    '%s has the same bytes with one worker, and in two parts',
    async (name, more) => {
      const file = experiment(name, { ...given, ...more, 'evaluate-every': 2 })
      for (const [id, ...flags] of [['a'], ['one', '--workers', '1'], ['parts', '--stop-after', '4']] as const) {
        expect(await run(file, id, ...flags)).toMatchObject({ code: 0 })
      }
      const resumed = await fedunify(['run', '--resume', at(name, 'parts'), '--set', 'stop-after=null', '--quiet'])
      expect(resumed).toMatchObject({ code: 0 })
      for (const id of ['one', 'parts']) {
        for (const table of ['unified.csv', 'local.csv', 'traffic.csv', 'model.safetensors']) {
          expect([id, table, read(name, id, table).equals(read(name, 'a', table))]).toEqual([id, table, true])
        }
      }
    },
    60_000,
  )

  it('is read while it is unfinished, and goes on after Ctrl-C', async () => {
    const file = experiment('stopped', { ...given, rounds: 60 })
    const running = start(['run', file, '--run-id', 'a', '--device', 'cpu'])
    await running.says(/round +5\/60/)
    running.child.kill('SIGINT')
    expect(await running.ended).toMatchObject({ code: 130 })
    expect(await fedunify(['show', at('stopped', 'a')])).toMatchObject({ code: 0 })
    expect(await fedunify(['verify', at('stopped', 'a')])).toMatchObject({ code: 0 })
    expect(await fedunify(['run', '--resume', at('stopped', 'a'), '--quiet'])).toMatchObject({ code: 0 })
    expect(await run(file, 'whole')).toMatchObject({ code: 0 })
    for (const table of ['unified.csv', 'local.csv', 'traffic.csv', 'model.safetensors']) {
      expect([table, read('stopped', 'a', table).equals(read('stopped', 'whole', table))]).toEqual([table, true])
    }
  }, 60_000)

  it.each([
    [{ merge: ['max'] }, 'pace fedasync merges models as they arrive, not by max'],
    [{ server: 'avgm' }, 'pace fedasync is a server step itself'],
    [{ init: 'independent' }, 'pace fedasync needs a model to begin with'],
    [{ objective: 'scaffold' }, 'objective scaffold needs all owners in every round'],
    [{ baseline: 'pooled' }, 'baseline is of rounds that wait for all owners'],
    [{ keep: 'owners' }, 'keep is of rounds that wait for all owners'],
    [{ head: 'ridge' }, 'head is of rounds that wait for all owners'],
    [{ pace: 'sync' }, 'speeds are given, but a round waits for all owners'],
  ])('refuses %j', async (more, why) => {
    const { code, err } = await run(experiment('refused', { ...given, ...more }), 'a')
    expect([code, err]).toEqual([2, expect.stringMatching(new RegExp(`^error: .*\\.yaml:\\d+: ${why}.*\nhint: `))])
  })

  it('leaves the hash of experiments that wait as it was', () => {
    const hashOf = (values: Readonly<Record<string, unknown>>) =>
      configHash(resolveExperiment([{ kind: 'file', values, where: () => 'test' }]))
    expect(hashOf({ pace: 'sync' })).toBe(hashOf({}))
    expect(hashOf({ pace: 'fedbuff' })).not.toBe(hashOf({}))
  })
})
