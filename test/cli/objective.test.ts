import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { OBJECTIVES } from '../../src/algorithm/objective/registry.ts'
import { runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { eventsOf, manifestOf, rowsOf } from '../support/run-folder.ts'

const { folder, experiment } = workshop()
const base = {
  rounds: 3,
  env: 'labels',
  labels: [
    [0, 1],
    [2, 3],
  ],
  baseline: 'pooled',
  lr: 0.1,
}
const file = experiment('objective', base)
const folderOf = (id: string) => join(folder, 'results', 'objective', id)
const run = (id: string, ...args: string[]) => runBinary(['run', file, '--quiet', '--run-id', id, ...args])

/** The largest drift of a tensor in the first round. */
const drift = (id: string): number =>
  Math.max(...Object.values<number>(eventsOf(folderOf(id)).find(({ type }) => type === 'round-finished').drift))

describe('the local objective fedprox', () => {
  it('holds owners closer to what they received, the more the larger mu is, and leaves the pooled model alone', async () => {
    const cases: [string, ...string[]][] = [
      ['plain'],
      ['weak', '--objective', 'fedprox:mu=0.01'],
      ['middle', '--objective', 'fedprox', '--mu', '1'],
      ['strong', '--set', 'objective.fedprox.mu=8', '--objective', 'fedprox'],
    ]
    for (const [id, ...args] of cases) expect(await run(id, ...args)).toMatchObject({ code: 0, err: '' })
    const drifts = cases.map(([id]) => drift(id))
    expect(drifts).toEqual(drifts.toSorted((a, b) => b - a))
    expect(drifts[3]).toBeLessThan(0.7 * drifts[0]!)
    const pooled = (id: string) => rowsOf(folderOf(id), 'unified.csv').filter(({ merge }) => merge === 'pooled')
    for (const [id] of cases) expect(pooled(id)).toEqual(pooled('plain'))
    expect(manifestOf(folderOf('plain')).config.objective).toBe('cross-entropy')
    expect(manifestOf(folderOf('strong')).config.objective).toEqual({ fedprox: { mu: 8 } })
  })

  it('is the same on another number of workers, and in a run that goes on', async () => {
    expect(await run('one', '--objective', 'fedprox', '--workers', '1')).toMatchObject({ code: 0 })
    expect(await run('three', '--objective', 'fedprox', '--workers', '3')).toMatchObject({ code: 0 })
    for (const name of ['unified.csv', 'model.safetensors']) {
      expect(readFileSync(join(folderOf('one'), name)).equals(readFileSync(join(folderOf('three'), name)))).toBe(true)
    }
  })

  it.each([
    [['--mu', '0.1'], 'mu is an option of objective fedprox, but objective is cross-entropy'],
    [['--objective', 'fedprox', '--mu', '0'], 'mu: expected a number above 0, got 0'],
    [['--objective', 'fedprx'], `expected one of ${Object.keys(OBJECTIVES).join(', ')}, got "fedprx"`],
  ])('%j is refused', async (args, message) => {
    const { code, err } = await run('refused', ...args)
    expect([code, err]).toEqual([2, expect.stringContaining(message)])
  })

  it('is in the help with its options', async () => {
    const { out } = await runBinary(['run', '--help'])
    for (const [name, { summary }] of Object.entries(OBJECTIVES)) {
      expect(out).toContain(name)
      expect(out).toContain(summary)
    }
    expect(out).toContain('--mu <x>')
  })
})

describe('sam', () => {
  it('trains other weights beside any objective, the same on any number of workers, and for the pooled model', {
    timeout: 90_000,
  }, async () => {
    const scaffold = ['--objective', 'scaffold']
    expect(await run('scaffold', ...scaffold)).toMatchObject({ code: 0, err: '' })
    for (const workers of ['1', '3']) {
      expect(await run(`sam-${workers}`, ...scaffold, '--sam', '0.2', '--workers', workers)).toMatchObject({ code: 0 })
    }
    for (const name of ['unified.csv', 'model.safetensors']) {
      const [plain, one, three] = ['scaffold', 'sam-1', 'sam-3'].map((id) => readFileSync(join(folderOf(id), name)))
      expect([one!.equals(three!), one!.equals(plain!)]).toEqual([true, false])
    }
    const pooled = (id: string) => rowsOf(folderOf(id), 'unified.csv').filter(({ merge }) => merge === 'pooled')
    expect(pooled('sam-1')).not.toEqual(pooled('scaffold'))
    expect(manifestOf(folderOf('sam-1')).config).toMatchObject({ objective: 'scaffold', sam: 0.2 })
    expect(manifestOf(folderOf('scaffold')).config).not.toHaveProperty('sam')
  })

  it('is told before a run, and refused if it leads nowhere or back', async () => {
    const told = await runBinary(['run', file, '--dry-run', '--sam', '0.05'])
    expect([told.code, told.out + told.err]).toEqual([0, expect.stringContaining('\nsam 0.05\n')])
    for (const rho of ['0', '-1']) {
      const { code, err } = await run('refused', '--sam', rho)
      expect([code, err]).toEqual([2, expect.stringContaining(`--sam: expected a number above 0, got ${rho}`)])
    }
  })
})
