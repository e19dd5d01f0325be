import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runBinary, start } from '../support/binary.ts'
import { workshop } from '../support/experiment.ts'
import { manifestOf, rowsOf, runFolders } from '../support/run-folder.ts'

const { experiment, folder } = workshop()
const results = join(folder, 'results')
const runsOf = (name: string) => runFolders(join(results, name))

test('runs every combination and seed, summarises, and skips what has finished', async () => {
  const file = experiment('study', { rounds: 2, matrix: { merge: ['avg', ['max', 'avg']] }, seeds: 2 })
  const first = await runBinary(['batch', file, '--jobs', '2'])
  expect(first.code, first.err).toBe(0)
  expect(first.out).toContain('4 finished, 0 skipped, 0 failed of 4 runs')
  expect(runsOf('study')).toHaveLength(4)
  const rows = rowsOf(join(results, 'study'), 'summary.csv')
  expect(rows.find((r) => r.group === 'avg' && r.series === 'avg' && r.round === '2')).toMatchObject({ seeds: '2' })

  const summary = readFileSync(join(results, 'study', 'summary.csv'), 'utf8')
  const again = await runBinary(['batch', file])
  expect(again).toMatchObject({ code: 0, out: expect.stringContaining('0 finished, 4 skipped') })
  expect(again.err.match(/finished already/g)).toHaveLength(4)
  expect(rows.map((row) => row.group).filter((group, i, all) => group !== all[i - 1])).toEqual(['avg', 'max+avg'])
  expect(readFileSync(join(results, 'study', 'summary.csv'), 'utf8')).toBe(summary)
})

test('goes on past a run that fails and ends with its exit code', async () => {
  const file = experiment('mixed', { rounds: 1, matrix: { lr: [1e9, 0.05] }, lr: undefined })
  const { code, out, err } = await runBinary(['batch', file])
  expect(code).toBe(4)
  expect(out).toContain('1 finished, 0 skipped, 1 failed of 2 runs')
  expect(err).toMatch(/failed: .*diverged/)
})

test('Ctrl-C leaves everything resumable, and the next batch ends with the same bytes', {
  timeout: 60_000,
}, async () => {
  const given = { rounds: 30, seeds: 2, merge: ['avg', 'absmax'] }
  const whole = experiment('whole', { ...given, name: 'whole' })
  await runBinary(['batch', whole, '--quiet'])

  const cut = experiment('cut', { ...given, name: 'cut' })
  const { child, ended, says } = start(['batch', cut])
  await says('round  2/30')
  child.kill('SIGINT')
  expect((await ended).code).toBe(130)
  expect(runsOf('cut').map((run) => manifestOf(run).status)).toContain('interrupted')

  const again = await runBinary(['batch', cut])
  expect(again.code, again.err).toBe(0)
  expect(again.err).toContain('(resuming)')
  for (const [i, run] of runsOf('cut').entries()) {
    for (const file of ['local.csv', 'unified.csv', 'table.csv', 'model.safetensors']) {
      expect(readFileSync(join(run, file)).equals(readFileSync(join(runsOf('whole')[i]!, file)))).toBe(true)
    }
  }
})

test('Ctrl-C leaves finished runs in the summary, also those that it did not come to', {
  timeout: 60_000,
}, async () => {
  const file = experiment('kept', { rounds: 30, seeds: 3, name: 'kept' })
  await runBinary(['batch', file, '--quiet'])
  rmSync(runsOf('kept')[0]!, { recursive: true })
  const { child, ended, says } = start(['batch', file])
  await says('round  2/30')
  child.kill('SIGINT')
  const { code, err } = await ended
  expect([code, err]).toEqual([130, expect.stringContaining('interrupted: 2 of 3 runs are done')])
  const rows = rowsOf(join(results, 'kept'), 'summary.csv')
  expect(new Set(rows.map(({ seeds }) => seeds))).toEqual(new Set(['2']))
})

test('Ctrl-C beside --jobs 2 stops both runs, and says how to go on', { timeout: 60_000 }, async () => {
  const file = experiment('both', { rounds: 400, seeds: 3, name: 'both' })
  const { child, ended, says } = start(['batch', file, '--jobs', '2'])
  await says('[1] round')
  await says('[2] round')
  child.kill('SIGINT')
  const { code, err } = await ended
  expect(code).toBe(130)
  expect(err).toContain('error: interrupted: 0 of 3 runs are done\nhint: the same command goes on')
  expect(runsOf('both').map((run) => manifestOf(run).status)).toEqual(['interrupted', 'interrupted'])
  const plan = await runBinary(['batch', '--dry-run', file])
  expect(plan.out.match(/ interrupted /g)).toHaveLength(2)
  const [cut, , whole] = plan.out.split('\n').slice(1, 4)
  const images = (line = '') => Number(/400 +([\d,]+)/.exec(line)![1]!.replaceAll(',', ''))
  expect(images(cut)).toBeLessThan(images(whole))
})

test('--dry-run names the runs and an estimate, and writes nothing', async () => {
  const file = experiment('planned', { rounds: 2, seeds: 3, name: 'planned' })
  const { code, out } = await runBinary(['batch', '--dry-run', file])
  expect(code).toBe(0)
  expect(out).toMatch(/3 runs, about .* of training/)
  expect(out.match(/ new /g)).toHaveLength(3)
  expect(existsSync(join(results, 'planned'))).toBe(false)
})

test('--dry-run goes on past a run that would fail, as the batch does', async () => {
  const file = experiment('doubtful', { rounds: 1, matrix: { owners: [2, 999, 3] } })
  const { code, out, err } = await runBinary(['batch', '--dry-run', file])
  expect(code).toBe(2)
  expect(out).toMatch(/doubtful\/2-.* new .*\n.*doubtful\/999-.* would fail .*\n.*doubtful\/3-.* new /)
  expect(err).toMatch(/^error: .*999-s0-\w+: partition V: 999 owners are too many/)
})

test('globs are expanded here too; one that matches nothing is an error', async () => {
  experiment('glob-a', { rounds: 1 })
  experiment('glob-b', { rounds: 1 })
  const all = await runBinary(['batch', '--dry-run', join(folder, 'glob-*.yaml')])
  expect(all.out).toMatch(/2 runs/)
  const none = await runBinary(['batch', join(folder, 'nothing-*.yaml')])
  expect(none).toMatchObject({ code: 2, err: expect.stringContaining('matches no file') })
})

test('a folder stands for the experiment files in it', async () => {
  const named = join(folder, 'a [folder]')
  mkdirSync(named)
  for (const name of ['one.yaml', 'two.yml']) {
    renameSync(experiment(`for-${name}`, { rounds: 1 }), join(named, name))
  }
  writeFileSync(join(named, 'schema.json'), '{}')
  const { code, out } = await runBinary(['batch', '--dry-run', named])
  expect(code).toBe(0)
  expect(out).toMatch(/results\/one\/s0.*results\/two\/s0.*2 runs/s)
  const none = await runBinary(['batch', join(folder, 'idx')])
  expect(none).toMatchObject({ code: 2, err: expect.stringContaining('idx: has no experiment file') })
})

test('a run that was copied or edited is not passed over as finished, and the others are summarised', async () => {
  const file = experiment('copied', { rounds: 1, merge: ['avg'], matrix: { lr: [0.05, 0.1, 0.2] }, lr: undefined })
  await runBinary(['batch', file, '--quiet'])
  const [first, second, third] = runsOf('copied')
  rmSync(second!, { recursive: true })
  cpSync(first!, second!, { recursive: true })
  appendFileSync(join(third!, 'unified.csv'), '1,av')
  const { code, err, out } = await runBinary(['batch', file])
  expect(code).toBe(3)
  expect(err).toMatch(/^failed: \[2\/3\] \S+copied\/0.1-s0-\w+: holds another run$/m)
  expect(err).toContain('unified.csv: it is longer than the run left it')
  expect(out).toContain('0 finished, 1 skipped, 2 failed of 3 runs')
  const quiet = await runBinary(['batch', file, '--quiet'])
  expect(quiet.out).toMatch(/^failed: \S+copied\/0.1-s0-\w+: holds another run$/m)
  expect(quiet.out).toMatch(/^failed: \S+copied\/0.2-s0-\w+: unified.csv: it is longer/m)
  expect(rowsOf(join(results, 'copied'), 'summary.csv').map((row) => row.group)).toEqual(Array(3).fill('0.05'))
})

test('a dozen runs at the same time end without a warning of the runtime', async () => {
  const file = experiment('dozen', { rounds: 1, images: 64, merge: ['avg'], seeds: 12 })
  const { code, err, out } = await runBinary(['batch', file, '--quiet', '--jobs', '12'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toContain('12 finished')
})

test('two runs for one folder are refused before anything runs', async () => {
  const a = experiment('twin-a', { rounds: 1, name: 'twin' })
  const b = experiment('twin-b', { rounds: 1, name: 'twin' })
  const { code, err } = await runBinary(['batch', a, b])
  expect(code).toBe(2)
  expect(err).toContain('would write to one folder')
  expect(existsSync(join(results, 'twin'))).toBe(false)
})

test('a run folder with a foreign manifest fails that run alone', async () => {
  const file = experiment('foreign', { rounds: 1, seeds: 2 })
  await runBinary(['batch', file, '--quiet'])
  const [first] = runsOf('foreign')
  writeFileSync(join(first!, 'manifest.json'), '{}')
  const { code, err, out } = await runBinary(['batch', file])
  expect(code).toBe(3)
  expect(err).toContain('not the manifest of a fedunify run')
  expect(out).toContain('1 skipped')
})
