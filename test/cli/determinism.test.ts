import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { runBinary } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { readText, rowsOf } from '../support/run-folder.ts'

const { folder, experiment } = workshop()
const file = experiment('same', { lr: 0.001, optimizer: 'momentum', env: 'dirichlet', alpha: 1, owners: 3 })
const path = (id: string) => join(folder, 'results', 'same', id)

async function run(id: string, ...flags: string[]): Promise<void> {
  const { code, err } = await runBinary(['run', file, '--quiet', '--run-id', id, ...flags])
  expect([code, err]).toEqual([0, ''])
}

const RESULTS = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']
const bytes = (id: string) => RESULTS.map((name) => readFileSync(join(path(id), name)).toString('base64'))

beforeAll(() => Promise.all([run('first', '--workers', '2'), run('again', '--workers', '2')]), 60_000)

describe('the same command', () => {
  it('writes the same bytes again', () => {
    expect(bytes('again')).toEqual(bytes('first'))
    // A run that learns nothing, or everything at once, would prove little.
    expect(new Set(rowsOf(path('first'), 'unified.csv').map(({ accuracy }) => accuracy)).size).toBeGreaterThan(1)
  })

  it.each(['1', '3'])('writes the same bytes with %s workers', async (workers) => {
    await run(`workers-${workers}`, '--workers', workers)
    expect(bytes(`workers-${workers}`)).toEqual(bytes('first'))
  })

  it('has the same avg whether other merges are scored beside it', async () => {
    await run('three', '--merge', 'avg,max,absmax')
    const avg = (id: string) => rowsOf(path(id), 'table.csv').map(({ avg }) => avg)
    expect(avg('three')).toEqual(avg('first'))
    expect(readText(path('three'), 'local.csv')).toBe(readText(path('first'), 'local.csv'))
    expect(Object.keys(rowsOf(path('three'), 'table.csv')[0]!).slice(-3)).toEqual(['avg', 'max', 'absmax'])
  })

  it('is another run with another seed, or independent initial weights', async () => {
    await Promise.all([run('seed', '--seed', '1'), run('independent', '--init', 'independent')])
    const copied = (id: string) => rowsOf(path(id), 'local.csv').map(({ train_loss }) => train_loss)
    expect(copied('seed')).not.toEqual(copied('first'))
    expect(copied('independent')).not.toEqual(copied('first'))
    expect(bytes('independent')[3]).not.toBe(bytes('first')[3])
  })
})
