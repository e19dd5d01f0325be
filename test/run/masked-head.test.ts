import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { fedunify } from '../support/command-line.ts'
import { SMALL_MODEL, workshop } from '../support/experiment.ts'
import { rowsOf } from '../support/run-folder.ts'

// Each of these tests trains, some several times.
vi.setConfig({ testTimeout: 120_000 })

const { experiment, folder } = workshop()
const MODEL = [...SMALL_MODEL.slice(0, 4), { type: 'dense', units: 6 }, { type: 'relu' }, { type: 'dense', units: 4 }]
const given = { env: 'V', owners: 3, rounds: 3, model: MODEL, head: { ridge: { random: 10 } }, 'evaluate-every': 2 }
const at = (name: string, id: string, file = '') => join(folder, 'results', name, id, file)
const read = (name: string, id: string, file: string) => readFileSync(at(name, id, file))
const run = async (file: string, id: string, ...more: string[]) =>
  await fedunify(['run', file, '--run-id', id, '--quiet', '--device', 'cpu', ...more])
const scored = (id: string) => rowsOf(at('both', id), 'unified.csv').filter(({ merge }) => merge === 'ridge')

describe('a head of a run with masks', () => {
  it('is as accurate as without', async () => {
    const file = experiment('both', given)
    expect(await run(file, 'plain')).toMatchObject({ code: 0 })
    expect(await run(file, 'masked', '--privacy', '{ masks: {} }')).toMatchObject({ code: 0 })
    const [plain, masked] = [scored('plain'), scored('masked')]
    expect(masked.map(({ round, accuracy }) => [round, accuracy])).toEqual(plain.map(({ round, accuracy }) => [round, accuracy])) // biome-ignore format: one line
    for (const [i, { loss }] of masked.entries()) expect(Number(loss)).toBeCloseTo(Number(plain[i]!.loss), 3)
    expect(masked.map(({ accuracy }) => accuracy === '')).toEqual([true, false, false])
    expect(await fedunify(['verify', at('both', 'masked')])).toMatchObject({ code: 0 })
  })

  it('has the same bytes each time, with one worker, and in two parts', async () => {
    const file = join(folder, 'both.yaml')
    const masks = ['--privacy', '{ masks: {} }']
    expect(await run(file, 'one', ...masks, '--workers', '1')).toMatchObject({ code: 0 })
    expect(await run(file, 'parts', ...masks, '--stop-after', '2')).toMatchObject({ code: 0 })
    expect(await fedunify(['run', '--resume', at('both', 'parts'), '--rounds', '3', '--quiet'])).toMatchObject({ code: 0 }) // biome-ignore format: one line
    for (const id of ['one', 'parts']) {
      for (const name of ['unified.csv', 'traffic.csv', 'model-head.safetensors']) {
        expect([id, name, read('both', id, name).equals(read('both', 'masked', name))]).toEqual([id, name, true])
      }
    }
  })

  it('costs two words for each sum and a key, in rounds that are evaluated', () => {
    const told = read('both', 'masked', 'disclosure.jsonl').toString().trim().split('\n').map((line) => JSON.parse(line)) // biome-ignore format: one line
    const size = 6 + 10 + 1
    const words = 2 * ((size * (size + 1)) / 2 + 4 * size)
    const sums = told.filter(({ kind }) => kind === 'statistics')
    expect(sums.map(({ round, owner, fields, bytes }) => [round, owner, fields, bytes])).toEqual(
      [2, 3].flatMap((round) => [1, 2, 3].map((owner) => [round, owner, ['words'], 4 * words])),
    )
    const keys = told.filter(({ kind, owner }) => kind === 'key' && owner === 1)
    expect(keys.map(({ messages }) => messages)).toEqual([1, 2, 2])
    const key = keys[0]!.bytes
    const [first, second] = [1, 2].map((n) => {
      return rowsOf(at('both', 'masked'), 'traffic.csv').find(
        ({ round, owner }) => Number(round) === n && owner === '1',
      )
    })
    expect(Number(second!.up_bytes) - Number(first!.up_bytes)).toBe(4 * words + key)
    const [plain] = rowsOf(at('both', 'plain'), 'traffic.csv').filter(({ round, owner }) => round === '2' && owner === '1') // biome-ignore format: one line
    // The keys of three owners, for two sums.
    expect(Number(second!.down_bytes) - Number(plain!.down_bytes)).toBe(6 * key)
  })

  it('says in the manifest in which levels', () => {
    const { masks, shards } = JSON.parse(read('both', 'masked', 'manifest.json').toString())
    const images = shards.reduce((sum: number, { train }: { train: number }) => sum + train, 0)
    expect(masks.head).toEqual({ bits: 64, scale: 2 ** Math.floor(62 - 16 - Math.log2(images)), range: 65_536 })
  })

  it('ends before it is sent if a feature is beyond the range, and goes on with the one that the hint names', async () => {
    const file = experiment('narrow', { ...given, rounds: 1 })
    const scaled = ['--set', 'normalise.std=0.02']
    const { code, err } = await run(file, 'a', '--set', 'privacy.masks.head-range=1', ...scaled)
    expect([code, err]).toEqual([4, expect.stringMatching(/owner \d, round 1: a feature has a mean square of [\d.]+, but masked sums for a head hold 1 at most; nothing was sent/)]) // biome-ignore format: one line
    const range = /set privacy.masks.head-range to (\d+)/.exec(err)![1]
    expect(await run(file, 'b', '--set', `privacy.masks.head-range=${range}`, ...scaled)).toMatchObject({ code: 0 })
  })
})
