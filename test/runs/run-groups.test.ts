import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadRun } from '../../src/runs/read/load-run.ts'
import { groupRuns, onePerSeed } from '../../src/runs/read/run-groups.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type FakeRun, writeRun } from '../support/written-run.ts'

async function loaded(runs: Record<string, FakeRun>) {
  const folder = temporaryFolder()
  return Promise.all(Object.entries(runs).map(([name, run]) => loadRun(writeRun(join(folder, name), run))))
}

type Run = Awaited<ReturnType<typeof loaded>>[number]

const configOf = ({ manifest }: Run) => manifest.config
const nameOf = ({ manifest }: Run) => manifest.config.name

describe('groupRuns', () => {
  it('groups what differs in nothing but the seed, in the order given', async () => {
    const runs = await loaded({ a: { seed: 5 }, b: { env: 'V' }, c: { seed: 2 }, d: { config: { out: 'elsewhere' } } })
    const groups = groupRuns(runs, configOf)
    expect(groups.map((group) => group.runs)).toEqual([[runs[0], runs[2], runs[3]], [runs[1]]])
    expect(groups.map(({ label }) => label)).toEqual(['env H', 'env V'])
    expect(groups[0]!.config).not.toHaveProperty('seed')
    expect(groupRuns(runs.slice(0, 1), configOf)[0]!.label).toBe('')
  })

  it('says what one of them does not set, whichever comes first', async () => {
    const runs = await loaded({
      a: {},
      b: { config: { model: [{ type: 'relu' }, { type: 'flatten' }], 'stop-at': 0.9 } },
    })
    expect(groupRuns(runs, configOf).map(({ label }) => label)).toEqual([
      'no model, no stop-at',
      'model {"type":"relu"}+{"type":"flatten"}, stop-at 0.9',
    ])
  })

  it('keeps names apart if asked to, and compares those of one name only', async () => {
    const named = (name: string, lr: number): FakeRun => ({ config: { name, lr } })
    const runs = await loaded({ a: named('x', 0.1), b: named('x', 0.2), c: named('y', 0.1) })
    expect(groupRuns(runs, configOf).map(({ label }) => label)).toEqual(['lr 0.1', 'lr 0.2'])
    expect(groupRuns(runs, configOf, nameOf).map(({ label }) => label)).toEqual(['x, lr 0.1', 'x, lr 0.2', 'y'])
  })
})

it('onePerSeed takes the run of a seed that came furthest', async () => {
  const short = { local: [[0.9], [0.9]], unified: { avg: [0.5] }, rounds: 3, status: 'failed' } as const
  const runs = await loaded({ a: { seed: 1 }, b: short, c: {} })
  expect(onePerSeed(runs)).toEqual({ runs: [runs[2], runs[0]], repeats: [runs[1]] })
})
