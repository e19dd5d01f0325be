import { mkdirSync, readFileSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { loadRun } from '../../src/runs/read/load-run.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { manifestOf } from '../support/run-folder.ts'

vi.setConfig({ testTimeout: 120_000 })

const { experiment, folder } = workshop()
const RESULTS = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']
const COSINE = { rounds: 5, 'lr-schedule': 'cosine', baseline: 'pooled', server: 'avgm', merge: ['avg', 'max'] }

const run = (name: string, id: string) => join(folder, 'results', name, id)
const lines = (dir: string) => readFileSync(join(dir, 'unified.csv'), 'utf8').trim().split('\n')

function expectSameResults(one: string, other: string): void {
  for (const name of RESULTS) {
    expect(readFileSync(join(one, name)).equals(readFileSync(join(other, name))), name).toBe(true)
  }
}

test('a run that was told to stop goes on to the bytes of one that was not', async () => {
  const file = experiment('cosine', COSINE)
  const [whole, cut] = [run('cosine', 'whole'), run('cosine', 'cut')]
  await fedunify(['run', file, '--run-id', 'whole', '--quiet'])
  const stopped = await fedunify(['run', file, '--run-id', 'cut', '--stop-after', '2', '--quiet'])
  expect(stopped.code, stopped.err).toBe(0)
  expect(stopped.out).toMatch(/^stopped after 2 of 5 rounds in .*, as it was told to$/m)
  expect(stopped.out).toContain(`  fedunify run --resume ${cut}\n`)
  const manifest = manifestOf(cut)
  expect(manifest).toMatchObject({ status: 'finished', reason: 'stop-after', rounds: 2 })
  expect(manifest.config).toMatchObject({ rounds: 5, 'stop-after': 2 })
  expect(manifest.config_hash).toBe(manifestOf(whole).config_hash)
  expect(lines(cut)).toEqual(lines(whole).slice(0, 1 + 2 * 3))
  expect(readFileSync(join(cut, 'config.yaml'), 'utf8')).toContain('stop-after: 2')

  const further = await fedunify(['run', '--resume', cut, '--stop-after', '3', '--quiet'])
  expect(further.code, further.err).toBe(0)
  expect(manifestOf(cut)).toMatchObject({ reason: 'stop-after', rounds: 3, config: { 'stop-after': 3 } })
  const again = await fedunify(['run', '--resume', cut, '--stop-after', '3'])
  expect(again.err).toContain('has finished already')
  const last = await fedunify(['run', '--resume', cut, '--quiet'])
  expect(last.code, last.err).toBe(0)
  expect(manifestOf(cut)).toMatchObject({ status: 'finished', reason: 'rounds', rounds: 5 })
  expect(manifestOf(cut).config).not.toHaveProperty('stop-after')
  expectSameResults(cut, whole)
  expect((await fedunify(['run', '--resume', cut])).err).toContain('has finished already')
})

test('a run that was ended while it was told to go on can still be read, and goes on', async () => {
  const file = experiment('broken', { rounds: 3 })
  const [whole, cut] = [run('broken', 'whole'), run('broken', 'cut')]
  await fedunify(['run', file, '--run-id', 'whole', '--quiet'])
  await fedunify(['run', file, '--run-id', 'cut', '--stop-after', '2', '--quiet'])
  const config = join(cut, 'config.yaml')
  renameSync(config, `${config}.old`)
  // So it cannot be written anew.
  mkdirSync(config)
  expect((await fedunify(['run', file, '--resume', cut, '--quiet'])).code).not.toBe(0)
  rmdirSync(config)
  renameSync(`${config}.old`, config)
  expect((await loadRun(cut)).rounds).toBe(2)
  const { code, err } = await fedunify(['run', '--resume', cut, '--quiet'])
  expect(code, err).toBe(0)
  expectSameResults(cut, whole)
})

test('a batch goes on with runs that were told to stop before the round that is asked for', async () => {
  const file = experiment('study', { ...COSINE, seeds: 2, 'stop-after': 1 })
  const first = await fedunify(['batch', file])
  expect(first.code, first.err).toBe(0)
  expect((await fedunify(['batch', file])).out).toContain('0 finished, 2 skipped')
  const plan = await fedunify(['batch', '--dry-run', file, '--stop-after', '3'])
  expect(plan.out.match(/ finished +3 +[1-9]/g)).toHaveLength(2)
  const more = await fedunify(['batch', file, '--set', 'stop-after=null'])
  expect(more.out).toContain('2 finished, 0 skipped')
  expect((await fedunify(['batch', file])).out).toContain('0 finished, 2 skipped')
})

test('a run with a constant learning rate goes on for more rounds, to the bytes of a longer one', async () => {
  const file = experiment('longer', { rounds: 2, server: 'avgm' })
  const [long, short] = [run('longer', 'long'), run('longer', 'short')]
  await fedunify(['run', file, '--rounds', '4', '--run-id', 'long', '--quiet'])
  await fedunify(['run', file, '--run-id', 'short', '--quiet'])
  const { code, err } = await fedunify(['run', '--resume', short, '--rounds', '4', '--quiet'])
  expect(code, err).toBe(0)
  expectSameResults(short, long)
  expect(manifestOf(short)).toMatchObject({ rounds: 4, config_hash: manifestOf(long).config_hash })
  const plain = await fedunify(['run', '--resume', short])
  expect(plain.err).toContain('has finished already')
  const fewer = await fedunify(['run', '--resume', short, '--rounds', '3'])
  expect(fewer).toMatchObject({ code: 2, err: expect.stringContaining('rounds (run: 4, now: 3) differs') })
  // The number of rounds may be another: it is not that which keeps the run from going on.
  const other = await fedunify(['run', '--resume', short, '--rounds', '6', '--set', 'lr=0.2'])
  expect(other).toMatchObject({
    code: 2,
    err: `error: cannot resume ${short}: lr (run: 0.05, now: 0.2) differs\nhint: resume with what it was started with, or start a new run\n`,
  })
})

test('more rounds are refused where the finished ones would have been others', async () => {
  const file = experiment('stretched', { rounds: 3, 'lr-schedule': 'cosine' })
  await fedunify(['run', file, '--run-id', 'done', '--quiet'])
  const before = readFileSync(join(run('stretched', 'done'), 'manifest.json'), 'utf8')
  const { code, err } = await fedunify(['run', '--resume', run('stretched', 'done'), '--rounds', '6'])
  expect(code).toBe(2)
  expect(err).toContain('rounds (run: 3, now: 6) differs')
  expect(err).toContain(
    'lr-schedule cosine goes by the number of rounds, so the 3 that are done would have been others',
  )
  expect(readFileSync(join(run('stretched', 'done'), 'manifest.json'), 'utf8')).toBe(before)
})

test('a run ends with a round that is evaluated, or does not begin', async () => {
  const file = experiment('seldom', { rounds: 8, 'evaluate-every': 3 })
  const refused = await fedunify(['run', file, '--stop-after', '5'])
  expect(refused).toMatchObject({ code: 2, out: '' })
  expect(refused.err).toBe(
    'error: --stop-after: stop-after is 5, but with evaluate-every 3 that round is not evaluated\n' +
      'hint: stop after round 3, or leave out evaluate-every\n',
  )
  for (const [stop, round] of [
    ['1', 3],
    ['7', 6],
  ] as const) {
    expect((await fedunify(['batch', file, '--stop-after', stop])).err).toContain(`stop after round ${round},`)
  }
  const { code, err } = await fedunify(['run', file, '--dry-run', '--stop-after', '9'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
})

test('more rounds are refused where a round was evaluated only because it was the last', async () => {
  const file = experiment('evaluated', { rounds: 4, 'evaluate-every': 2 })
  const [long, short, odd] = ['long', 'short', 'odd'].map((id) => run('evaluated', id))
  await fedunify(['run', file, '--rounds', '6', '--run-id', 'long', '--quiet'])
  await fedunify(['run', file, '--run-id', 'short', '--quiet'])
  const further = await fedunify(['run', '--resume', short!, '--rounds', '6', '--quiet'])
  expect(further.code, further.err).toBe(0)
  expectSameResults(short!, long!)
  await fedunify(['run', file, '--rounds', '3', '--run-id', 'odd', '--quiet'])
  const { code, err } = await fedunify(['run', '--resume', odd!, '--rounds', '6'])
  expect(code).toBe(2)
  expect(err).toContain('rounds (run: 3, now: 6) differs')
  expect(err).toContain('hint: with evaluate-every 2, round 3 was evaluated, but would not have been\n')
})
