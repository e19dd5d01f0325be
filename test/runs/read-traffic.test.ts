import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadRun } from '../../src/runs/read/load-run.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun as inventRun } from '../support/invented-run.ts'
import { manifestOf, putManifest, rowsOf } from '../support/run-folder.ts'
import { edit, writeRun } from '../support/written-run.ts'

const { experiment, folder } = workshop()
const finished = join(folder, 'results', 'marked', 'a')

beforeAll(async () => {
  const { code, err } = await fedunify(['run', experiment('marked', { rounds: 2 }), '--run-id', 'a', '--quiet'])
  expect([code, err]).toEqual([0, ''])
})

async function copied(): Promise<string> {
  const run = join(temporaryFolder(), 'a')
  await cp(finished, run, { recursive: true })
  return run
}

describe('traffic.csv of a finished run', () => {
  it('is read, with its lines', async () => {
    const { traffic } = await loadRun(finished)
    expect(traffic!.map(({ round, owner, line }) => [round, owner, line])).toEqual([
      [1, 1, 2],
      [1, 2, 3],
      [2, 1, 4],
      [2, 2, 5],
    ])
    const [row] = rowsOf(finished, 'traffic.csv')
    expect(traffic![0]).toMatchObject({ down_bytes: Number(row!.down_bytes), up_bytes: Number(row!.up_bytes) })
  })

  it.each<[string, (run: string) => void, string]>([
    ['missing', (run) => rmSync(join(run, 'traffic.csv')), 'it is missing'],
    ['edited', (run) => edit(join(run, 'traffic.csv'), '1,1,', '1,1,9'), 'it was edited'],
    ['cut short', (run) => edit(join(run, 'traffic.csv'), /\n2,2.*\n/, '\n'), 'it is shorter than the run left it'],
  ])('that is %s is damage, also without a checkpoint', async (_, damage, message) => {
    const run = await copied()
    damage(run)
    const error = { code: 'E_RUN_DAMAGED', message: `${join(run, 'traffic.csv')}: ${message}` }
    await expect(loadRun(run)).rejects.toMatchObject(error)
    rmSync(join(run, 'checkpoint.safetensors'))
    await expect(loadRun(run)).rejects.toMatchObject(error)
  })

  it('is damage too if the checkpoint alone knows of it', async () => {
    const run = await copied()
    const { files, finished: _, reason: __, ...manifest } = manifestOf(run)
    expect(files['traffic.csv']).toMatchObject({ size: expect.any(Number) })
    putManifest(run, { ...manifest, status: 'running' })
    expect((await loadRun(run)).finished).toBe(true)
    rmSync(join(run, 'traffic.csv'))
    await expect(loadRun(run)).rejects.toMatchObject({ message: `${join(run, 'traffic.csv')}: it is missing` })
  })

  it.each<[string, string | RegExp, string, string]>([
    ['a row twice', /(\n2,1,.*)/, '$1$1', 'traffic.csv:5: round 2 of owner 1 is there twice'],
    ['a row less', /\n2,1,.*/, '', 'traffic.csv: round 2 of owner 1 is missing'],
    ['another owner', '\n2,1,', '\n2,3,', "traffic.csv:4: round 2 of owner 3 is there twice, or is none of the run's"],
    ['another round', '\n2,1,', '\n4,1,', 'traffic.csv:4: round 4 of owner 1 is there twice'],
    ['less than nothing', '\n2,1,', '\n2,1,-', 'traffic.csv:4: -2000000 is no number of bytes'],
    ['a part of a byte', '\n2,1,', '\n2,1,0.', 'traffic.csv:4: 0.2 is no number of bytes'],
    ['text', '\n2,1,', '\n2,1,x', 'traffic.csv:4: down_bytes: expected a number'],
    ['another column', 'up_bytes', 'bytes', 'has no column up_bytes'],
  ])('with %s is noticed without a hash', async (_, from, to, message) => {
    const run = join(temporaryFolder(), 'a')
    inventRun(run, { config: { rounds: 2 } })
    expect((await loadRun(run)).traffic).toHaveLength(4)
    edit(join(run, 'traffic.csv'), from, to)
    await expect(loadRun(run)).rejects.toMatchObject({ message: expect.stringContaining(message) })
  })
})

describe('a run of before 0.5.0', () => {
  it.each([true, false])('has none, and is whole without it (checkpoint: %s)', async (checkpoint) => {
    const run = writeRun(join(temporaryFolder(), 'a'), { checkpoint })
    expect(await loadRun(run)).toMatchObject({ finished: true, traffic: undefined })
  })

  it('has none whatever goes by its name beside files that it marked', async () => {
    const run = writeRun(join(temporaryFolder(), 'a'), { checkpoint: true })
    writeFileSync(join(run, 'traffic.csv'), 'my own notes')
    expect((await loadRun(run)).traffic).toBeUndefined()
    rmSync(join(run, 'traffic.csv'))
    mkdirSync(join(run, 'traffic.csv'))
    expect((await loadRun(run)).traffic).toBeUndefined()
  })
})

it('an unfinished run has the traffic of its complete rounds', async () => {
  const run = join(temporaryFolder(), 'a')
  inventRun(run, { config: { rounds: 4 }, done: 2, status: 'interrupted' })
  edit(join(run, 'traffic.csv'), /$/, '3,1,5,5\n')
  expect((await loadRun(run)).traffic!.map(({ round }) => round)).toEqual([1, 1, 2, 2])
})
