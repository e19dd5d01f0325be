import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { decodeSafetensors } from '../../src/weights/safetensors.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { rowsOf } from '../support/run-folder.ts'

// Each of these tests trains, some several times.
vi.setConfig({ testTimeout: 120_000 })

const { experiment, folder } = workshop()
const at = (name: string, id: string, file = '') => join(folder, 'results', name, id, file)
const read = (name: string, id: string, file: string) => readFileSync(at(name, id, file))
const run = async (file: string, id: string, ...more: string[]) =>
  await fedunify(['run', file, '--run-id', id, '--quiet', '--device', 'cpu', ...more])
const modelOf = (name: string, id: string) => decodeSafetensors(read(name, id, 'model.safetensors'), 'model').weights
const lines = (name: string, id: string, file: string) =>
  read(name, id, file).toString().trim().split('\n').map((line) => JSON.parse(line)) // biome-ignore format: one line
const MASKS = ['--privacy', '{ masks: {} }']

/** Largest difference of two models' weights. */
function apart(name: string, one: string, other: string): number {
  const others = modelOf(name, other)
  const differences = [...modelOf(name, one)].flatMap(([tensor, { data }]) =>
    [...data].map((value, i) => Math.abs(value - others.get(tensor)!.data[i]!)),
  )
  return Math.max(...differences)
}

describe('a run with masks', () => {
  it.each([
    ['avg', {}],
    ['nova', { merge: 'fednova', env: { dirichlet: { alpha: 0.5 } }, owners: 3 }],
  ])('%s has the model of a plain one, within half a level for each owner', async (name, more) => {
    const file = experiment(name, { env: 'V', rounds: 1, ...more })
    expect(await run(file, 'plain')).toMatchObject({ code: 0 })
    expect(await run(file, 'masked', ...MASKS)).toMatchObject({ code: 0 })
    const { masks } = JSON.parse(read(name, 'masked', 'manifest.json').toString())
    const owners = name === 'nova' ? 3 : 2
    const bits = owners === 3 ? 30 : 31
    expect(masks).toEqual({ owners, bits, scale: (2 ** (bits - 1) - 1) / 4, range: 4 })
    // Float32 has 24 bits: a weight of less than 1 is off by 2^-25 at most, by either way.
    const rounding = 2 ** -24
    expect(apart(name, 'plain', 'masked')).toBeLessThanOrEqual(owners * (0.5 / masks.scale) + rounding)
    expect(apart(name, 'plain', 'masked')).toBeGreaterThan(0)
  })

  it('has the same bytes each time, with one worker, and in two parts: masks leave no trace in the sum', async () => {
    const file = experiment('same', { env: 'V', owners: 4, rounds: 3, objective: 'scaffold' })
    for (const [id, ...flags] of [['a'], ['b', '--workers', '1'], ['parts', '--stop-after', '1']] as const) {
      expect(await run(file, id, ...MASKS, ...flags)).toMatchObject({ code: 0 })
    }
    const resumed = ['run', '--resume', at('same', 'parts'), '--set', 'stop-after=null', '--quiet']
    expect(await fedunify(resumed)).toMatchObject({ code: 0 })
    for (const id of ['b', 'parts']) {
      for (const table of ['unified.csv', 'local.csv', 'traffic.csv', 'table.csv', 'model.safetensors']) {
        expect([id, table, read('same', id, table).equals(read('same', 'a', table))]).toEqual([id, table, true])
      }
    }
    expect(await fedunify(['verify', at('same', 'a')])).toMatchObject({ code: 0 })
  })

  it('tells what leaves an owner: a key, and as many words as weights', async () => {
    const told = lines('same', 'a', 'disclosure.jsonl').filter(({ round }: { round: number }) => round === 1)
    const kinds = told.filter(({ owner }: { owner: number }) => owner === 1).map(({ kind }: { kind: string }) => kind)
    expect(kinds).toEqual(['masked', 'key', 'update', 'evaluation', 'progress'])
    const weights = [...modelOf('same', 'a').values()].reduce((sum, { data }) => sum + data.length, 0)
    const [masked, key] = told
    expect(masked).toMatchObject({ fields: ['words'], bytes: 4 * weights })
    expect(key).toMatchObject({ fields: ['owner', 'key', 'signature'] })
    // A key is 32 bytes, its signature 64, both in base64.
    expect(key.bytes).toBe(JSON.stringify({ owner: 1, key: 'x'.repeat(44), signature: 'x'.repeat(88) }).length)
    const up = rowsOf(at('same', 'a'), 'traffic.csv').map(({ up_bytes: bytes }) => Number(bytes))
    expect(new Set(up)).toEqual(new Set([4 * weights + key.bytes]))
    const [round] = lines('same', 'a', 'events.jsonl').filter(({ type }: { type: string }) => type === 'round-finished')
    expect(round.drift).toEqual({})
  })

  it('draws owners: those of a round are in its sum', async () => {
    const file = experiment('drawn', { env: 'V', owners: 5, participants: { count: 3 } })
    expect(await run(file, 'a', ...MASKS)).toMatchObject({ code: 0 })
    expect(JSON.parse(read('drawn', 'a', 'manifest.json').toString()).masks).toMatchObject({ owners: 3, bits: 30 })
  })

  it('bears a threshold: keys, shares and signatures leave the sum as it is', async () => {
    const file = experiment('threshold', { env: 'V', owners: 3, rounds: 1 })
    expect(await run(file, 'all', ...MASKS)).toMatchObject({ code: 0 })
    expect(await run(file, 'most', '--privacy', '{ masks: { threshold: 2 } }')).toMatchObject({ code: 0 })
    expect(read('threshold', 'most', 'model.safetensors').equals(read('threshold', 'all', 'model.safetensors'))).toBe(
      true,
    )
    expect(JSON.parse(read('threshold', 'most', 'manifest.json').toString()).masks).toMatchObject({ threshold: 2 })
    // To each of two others shares; then a signature, and shares of the secrets of three.
    const told = lines('threshold', 'most', 'disclosure.jsonl')
    const share = told.find(({ kind, owner }: { kind: string; owner: number }) => kind === 'share' && owner === 1)
    expect(share).toMatchObject({ messages: 4, fields: ['from', 'to', 'box', 'owner', 'signature', 'shares'] })
  })

  it('ends before a change that the fixed point does not hold is sent, with owner, tensor and value', async () => {
    const file = experiment('beyond', { env: 'V' })
    const { code, err } = await run(file, 'a', '--privacy', '{ masks: { range: 0.0001 } }')
    expect(code).toBe(4)
    expect(err).toMatch(
      /owner 1, round 1: \S+ changes by -?\d\.\d+, but masked sums hold 0\.0001 at most; nothing was sent\n.*set privacy\.masks\.range to \d/,
    )
  })
})
