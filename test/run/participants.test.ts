import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configHash } from '../../src/config/hash.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'
import { drawnOwners } from '../../src/federation/drawn-owners.ts'
import { readCheckpoint } from '../../src/runs/checkpoint.ts'
import { decodeSafetensors, safetensorsSize } from '../../src/weights/safetensors.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { rowsOf } from '../support/run-folder.ts'

const { experiment, folder } = workshop()
const at = (name: string, id: string, file = '') => join(folder, 'results', name, id, file)
const read = (name: string, id: string, file: string) => readFileSync(at(name, id, file))
const run = async (file: string, id: string, ...more: string[]) =>
  await fedunify(['run', file, '--run-id', id, '--quiet', '--device', 'cpu', ...more])
const jsonOf = (name: string, file: string) =>
  read(name, 'a', file).toString().trim().split('\n').map((line) => JSON.parse(line)) // biome-ignore format: one line
const given = { env: 'V', owners: 5, rounds: 6, participants: { count: 2 }, seed: 4 }
/** Whom a run of these has drawn, by round. */
const drawn = (rounds: number) =>
  Array.from({ length: rounds }, (_, i) => drawnOwners({ seed: 4, participants: { count: 2 } }, [1, 2, 3, 4, 5], i + 1))
const resolved = (values: Readonly<Record<string, unknown>>) =>
  resolveExperiment([{ kind: 'file', values, where: () => 'test' }])

describe('a run that draws its owners', () => {
  it('trains those that are drawn, evaluates on all, and says who trained', async () => {
    expect(await run(experiment('drawn', { ...given, rounds: 3, merge: 'avg,weighted-avg' }), 'a')).toMatchObject({
      code: 0,
    })
    const rows = rowsOf(at('drawn', 'a'), 'local.csv')
    expect(rows.map(({ round, owner }) => [round, owner])).toEqual(
      drawn(3).flatMap((owners, i) => owners.map((owner) => [`${i + 1}`, `${owner}`])),
    )
    const [started, ...events] = jsonOf('drawn', 'events.jsonl')
    expect(started).toMatchObject({ owners: [1, 2, 3, 4, 5], participants: 2 })
    const rounds = events.filter(({ type }: { type: string }) => type === 'round-finished')
    for (const { absent, merges } of rounds) {
      expect(absent).toEqual([])
      expect(merges.map(({ unified, evaluated_by: by }: Record<string, { images: number }>) => [unified!.images, by])).toEqual([[43, 5], [43, 5]]) // biome-ignore format: one line
    }
    expect(rowsOf(at('drawn', 'a'), 'unified.csv').map(({ owners }) => owners)).toEqual(Array(6).fill('2'))
    for (const [i, row] of rowsOf(at('drawn', 'a'), 'table.csv').entries()) {
      const there = [1, 2, 3, 4, 5].filter((owner) => row[`local_${owner}`] !== '')
      expect(there).toEqual(drawn(3)[i])
    }
    expect(await fedunify(['verify', at('drawn', 'a')])).toMatchObject({ code: 0 })
    const { out } = await fedunify(['show', at('drawn', 'a')])
    expect(out).toContain('2 of 5 owners train in each round')
  })

  it('counts what is sent: to those that train next, and to all if they evaluate', async () => {
    expect(await run(experiment('bytes', { ...given, rounds: 3, 'evaluate-every': 3 }), 'a')).toMatchObject({ code: 0 })
    const size = safetensorsSize(decodeSafetensors(read('bytes', 'a', 'model.safetensors'), 'model').weights)
    const counts = rowsOf(at('bytes', 'a'), 'traffic.csv').map(({ round, owner, down_bytes: down, up_bytes: up }) => {
      return [Number(round), Number(owner), Number(down) / size, Number(up) / size]
    })
    const [one, two, three] = drawn(3) as [number[], number[], number[]]
    const has = (owners: number[], owner: number) => Number(owners.includes(owner))
    const rows = [1, 2, 3, 4, 5].flatMap((owner) => [
      // The initial model, and that of the first round for those of the second.
      [1, owner, has(one, owner) + has(two, owner), has(one, owner)],
      [2, owner, has(three, owner), has(two, owner)],
      [3, owner, 1, has(three, owner)],
    ])
    const sent = rows.filter(([, , down, up]) => down! + up! > 0)
    expect(counts).toEqual(sent.sort(([a, i], [b, j]) => a! - b! || i! - j!))
  })

  it.each([
    ['avg', {}],
    ['scaffold', { objective: 'scaffold', optimizer: 'momentum', 'lr-schedule': 'cosine' }],
    ['keep', { keep: 'owners', merge: ['weighted-avg', 'median'], participants: { fraction: 0.6 } }],
    ['uneven', { env: { dirichlet: { alpha: 0.1 } }, participants: { count: 4 } }],
  ])(
    '%s has the same bytes with one worker, and in three parts',
    async (name, more) => {
      const file = experiment(name, { ...given, ...more })
      for (const [id, ...flags] of [['a'], ['one', '--workers', '1'], ['parts', '--stop-after', '2']] as const) {
        expect(await run(file, id, ...flags)).toMatchObject({ code: 0 })
      }
      for (const stop of ['3', 'null']) {
        const resumed = ['run', '--resume', at(name, 'parts'), '--set', `stop-after=${stop}`, '--quiet']
        expect(await fedunify(resumed)).toMatchObject({ code: 0 })
      }
      for (const id of ['one', 'parts']) {
        for (const table of ['unified.csv', 'local.csv', 'traffic.csv', 'table.csv', 'model.safetensors']) {
          expect([id, table, read(name, id, table).equals(read(name, 'a', table))]).toEqual([id, table, true])
        }
        const [one, other] = await Promise.all([at(name, 'a'), at(name, id)].map((dir) => readCheckpoint(dir)))
        expect(other!.ownerStates).toEqual(one!.ownerStates)
        expect(other!.serverState).toEqual(one!.serverState)
      }
    },
    60_000,
  )

  it('keeps the control variates of owners that are absent, and sends two models each way', async () => {
    const { ownerStates } = (await readCheckpoint(at('scaffold', 'a')))!
    const trained = new Set(drawn(6).flat())
    expect([...ownerStates.keys()]).toEqual([...trained].sort((a, b) => a - b))
    // Not only those of the last round.
    expect(trained.size).toBeGreaterThan(2)
    const model = safetensorsSize(decodeSafetensors(read('scaffold', 'a', 'model.safetensors'), 'model').weights)
    const up = rowsOf(at('scaffold', 'a'), 'traffic.csv').map((row) => Number(row.up_bytes))
    // A second header is not counted: names of tensors are longer by `sent/change/`.
    for (const bytes of up.filter((one) => one > 0)) expect(bytes / model).toBeCloseTo(2, 0)
    const weights = jsonOf('scaffold', 'disclosure.jsonl').filter(({ kind }: { kind: string }) => kind === 'weights')
    expect(weights.map(({ owner, fields }: Record<string, unknown>) => [owner, fields])).toEqual(
      drawn(6).flat().map((owner) => [owner, ['weights', 'sent']]), // biome-ignore format: one line
    )
  })

  it('can be merged again, and checked', async () => {
    expect(await fedunify(['remerge', at('keep', 'a'), '--rules', 'avg,weighted-avg'])).toMatchObject({ code: 0 })
    const gate = join(folder, 'gate.yaml')
    for (const [each, code] of [
      [3, 0],
      [5, 1],
    ] as const) {
      // biome-ignore format: one line
      writeFileSync(gate, `- { metric: participants, each-round: ${each} }\n`)
      expect(await fedunify(['check', at('keep', 'a'), '--expect', gate])).toMatchObject({ code })
    }
  })

  it('says in a dry run how many images it would train', async () => {
    const { out } = await run(experiment('dry', { ...given, 'local-epochs': 2 }), 'a', '--dry-run')
    expect(out).toContain('5 owners of whom 2 train in each round')
    const images = [51, 51, 52, 51, 52]
    for (const [i, train] of images.entries()) expect(out).toMatch(new RegExp(`^owner ${i + 1} +${train} `, 'm'))
    const twice = drawn(6).flat().reduce((sum, owner) => sum + 2 * images[owner - 1]!, 0) // biome-ignore format: one line
    expect(twice).toBe(1236)
    expect(out).toContain('would train 1,236 images in 6 rounds')
  })
})

describe('participants in a config', () => {
  it.each([
    [{ participants: { count: 6 } }, 'participants is 6, but there are 5 owners'],
    [{ participants: { count: 2, fraction: 0.5 } }, 'participants: expected either fraction or count'],
    [{ participants: {} }, 'participants: expected either fraction or count'],
    [{ participants: { fraction: 0 } }, 'participants.fraction: expected a number above 0, got 0'],
    [{ participants: { fraction: 10 } }, 'participants.fraction: expected a number of at most 1, got 10'],
    [{ pace: 'fedasync' }, 'pace fedasync has no rounds that owners could be drawn for'],
    [{ head: 'ridge' }, 'head ridge is fitted to sums over all owners'],
    [{ baseline: 'pooled' }, 'the pooled baseline trains on the images of all owners'],
    [{ objective: 'feddyn' }, 'objective feddyn needs all owners in each round'],
    [{ objective: 'fedcm' }, 'objective fedcm needs all owners in each round'],
    [
      { objective: { scaffold: { form: 'upload-free' } } },
      'objective scaffold in the form upload-free needs all owners',
    ],
    [{ objective: 'scaffold', merge: 'weighted-avg' }, 'objective scaffold counts every owner alike'],
    [{ objective: 'scaffold', server: 'adam' }, 'objective scaffold has a step of its own'],
  ])('%j is refused', async (more, why) => {
    const { code, err } = await run(experiment('refused', { ...given, ...more }), 'a')
    expect([code, err]).toEqual([2, expect.stringMatching(new RegExp(`^error: .*\\.yaml:\\d+: ${why}.*\n`))])
  })

  it('refuses a rule that is another one on so many owners, or is not defined', async () => {
    const { code, err } = await run(experiment('rules', { ...given, merge: 'median' }), 'a')
    expect([code, err]).toEqual([2, expect.stringContaining('the median of 2 is their mean, which is the rule avg')])
    const krum = await run(experiment('krum', { ...given, merge: { krum: { f: 1 } } }), 'a')
    expect([krum.code, krum.err]).toEqual([2, expect.stringContaining('there are 2')])
  })

  it('is left out if all owners take part: then it is the same run', () => {
    const all = { owners: 5, objective: 'scaffold' }
    for (const participants of [{ fraction: 1 }, { count: 5 }, { fraction: 0.95 }]) {
      expect(configHash(resolved({ ...all, participants }))).toBe(configHash(resolved(all)))
    }
    expect(configHash(resolved({ ...all, participants: { count: 4 } }))).not.toBe(configHash(resolved(all)))
    expect(resolved({ ...all, participants: { count: 4 } }).objective).toEqual({ scaffold: { form: 'general' } })
    expect(resolved(all).objective).toBe('scaffold')
  })

  it('is a fraction or a count: a later source takes back the other', async () => {
    const { out } = await fedunify(['config', 'show', experiment('later', given), '--set', 'participants.fraction=0.4'])
    expect(out).toMatch(/^ *participants\.fraction +0\.4 +--set/m)
    expect(out).not.toContain('participants.count')
  })
})
