import { createHash } from 'node:crypto'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { checkpointFile, encodeCheckpoint, readCheckpoint } from '../../src/runs/checkpoint.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { manifestOf } from '../support/run-folder.ts'
import { edit, writeRun } from '../support/written-run.ts'

const { folder, experiment } = workshop()
const whole = join(folder, 'results', 'verified', 'a')
const EXPECT = [{ metric: 'unified', min: 0.01 }]

beforeAll(async () => {
  const file = experiment('verified', { rounds: 2, expect: EXPECT })
  expect(await fedunify(['run', file, '--run-id', 'a', '--quiet'])).toMatchObject({ code: 0 })
})

function copied(): string {
  const run = join(temporaryFolder(), 'a')
  cpSync(whole, run, { recursive: true })
  return run
}

const verified = async (...args: string[]) => {
  const { code, out } = await fedunify(['verify', ...args, '--json'])
  return { code, ...JSON.parse(out) }
}

describe('fedunify verify', () => {
  it('finds the files of a run as it left them, and names what is not its own', async () => {
    const run = copied()
    await fedunify(['report', run])
    writeFileSync(join(run, 'notes.md'), 'mine\n')
    const names = [
      ...['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'disclosure.jsonl', 'events.jsonl'],
      ...['config.yaml', 'checkpoint.safetensors', 'model.safetensors', 'model.onnx'],
    ]
    const found = await verified(run)
    expect(found).toEqual({
      code: 0,
      format: 1,
      runs: [
        {
          path: run,
          ok: true,
          status: 'finished',
          differences: [],
          same: names,
          lacking: [],
          analyses: [],
          others: expect.any(Array),
          note: null,
        },
      ],
    })
    expect(found.runs[0].others.sort()).toEqual(['notes.md', 'report.html'])
    const { code, out, err } = await fedunify(['verify', run])
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(
      /^✓ ok {7}.*: 10 files as the run left them\n {11}not part of the run: (notes\.md, report\.html|report\.html, notes\.md)\n$/,
    )
  })

  it('lists all that differs, with exit 3', async () => {
    const run = copied()
    edit(join(run, 'unified.csv'), /\d(?=\n)/, 'x')
    writeFileSync(join(run, 'model.onnx'), '')
    rmSync(join(run, 'config.yaml'))
    const { code, runs } = await verified(folder, run)
    expect([code, runs.length]).toEqual([3, 2])
    expect(runs[1].differences.map(({ message }: { message: string }) => message)).toEqual([
      `${join(run, 'unified.csv')}: it was edited`,
      `${join(run, 'config.yaml')}: it is missing`,
      `${join(run, 'model.onnx')}: it is shorter than the run left it`,
    ])
    expect(await fedunify(['verify', run])).toMatchObject({
      err: 'error: 1 of 1 run differs from what was written\nhint: restore the file, or do the run again\n',
    })
  })

  it('names a checkpoint of another round, whatever else differs', async () => {
    const run = copied()
    edit(join(run, 'local.csv'), /\d(?=\n)/, 'x')
    const saved = await readCheckpoint(run)
    writeFileSync(checkpointFile(run), encodeCheckpoint({ ...saved!, round: 1 }))
    const [found] = (await verified(run)).runs
    expect(found.differences.map(({ message }: { message: string }) => message)).toEqual([
      `${join(run, 'local.csv')}: it was edited`,
      `${checkpointFile(run)}: it was edited`,
    ])
  })

  it('a run may be published without its checkpoint and models', async () => {
    const run = copied()
    const large = ['checkpoint.safetensors', 'model.safetensors', 'model.onnx']
    for (const name of large) rmSync(join(run, name))
    expect(await verified(run)).toMatchObject({ code: 0, runs: [{ ok: true, lacking: large, note: null }] })
    expect(await fedunify(['check', run])).toMatchObject({ code: 0 })
    edit(join(run, 'manifest.json'), '"min": 0.01', '"min": 0')
    for (const args of [
      ['verify', run],
      ['check', run],
      ['compare', run, run],
      ['report', run],
    ]) {
      const { code, out, err } = await fedunify(args)
      expect([code, args[0]]).toEqual([3, args[0]])
      expect(out + err).toContain('manifest.json: it is not what its manifest_sha256 was made of')
    }
  })

  it('says what the hashes of runs of earlier versions do not cover', async () => {
    const run = writeRun(join(temporaryFolder(), 'a'))
    const note =
      'fedunify 0.0.0 kept no hashes with this run: edits of its files that agree with each other would not be seen'
    expect(await verified(run)).toMatchObject({ code: 0, runs: [{ ok: true, same: [], note }] })
    expect((await fedunify(['compare', run, 'paper'])).out).toContain(`note: ${run}: ${note}`)
  })

  it('fails for what is no run', async () => {
    const none = join(temporaryFolder(), 'none')
    expect(await fedunify(['verify', none])).toMatchObject({ code: 3, err: expect.stringContaining('no such run') })
  })

  it('a manifest has the digest that docs/formats.md tells how to make', () => {
    const text = readFileSync(join(whole, 'manifest.json'), 'utf8')
    const blank = text.replace(/^( {2}"manifest_sha256": ")[\da-f]{64}/m, `$1${'0'.repeat(64)}`)
    expect(createHash('sha256').update(blank).digest('hex')).toBe(manifestOf(whole).manifest_sha256)
  })
})

// Whoever prints a figure of a run has verified it.
it.each([
  ['check'],
  ['compare', 'RUN', 'RUN'],
  ['report'],
  ['show'],
  ['export', 'RUN', '--to', 'csv', '--output', '-'],
  ['ls'],
])('an edited accuracy is told by nobody: %s', async (command, ...args) => {
  const run = copied()
  rmSync(join(run, 'checkpoint.safetensors'))
  edit(join(run, 'unified.csv'), /(?<=\n2,avg,2,)[\d.]+/, '0.9923')
  edit(join(run, 'table.csv'), /[\d.]+(?=\n$)/, '99.23')
  const { code, out, err } = await fedunify([
    command,
    ...(args.length > 0 ? args.map((a) => a.replace('RUN', run)) : [run]),
  ])
  expect(out).not.toContain('99.23')
  expect(`${out}${err}`).toContain(`${join(run, 'unified.csv')}: it was edited`)
  // A list has others to show.
  expect(code).toBe(command === 'ls' ? 0 : 3)
})
