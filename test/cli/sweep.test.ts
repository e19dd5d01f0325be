import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { editManifest, manifestOf, rowsOf, runFolders } from '../support/run-folder.ts'

vi.setConfig({ testTimeout: 120_000 })

const { experiment, folder } = workshop()
const results = join(folder, 'results')

test('run does a run for each value and seed, and again skips what is done', async () => {
  const file = experiment('swept', { rounds: 1, lr: undefined })
  const args = ['run', file, '--seeds', '2', '--set', 'lr=0.1,0.03']
  const { code, out, err } = await fedunify(args)
  expect(code, err).toBe(0)
  const configs = runFolders(join(results, 'swept')).map((run) => manifestOf(run).config)
  expect(configs.map(({ lr, seed }) => [lr, seed]).sort()).toEqual([
    [0.03, 0],
    [0.03, 1],
    [0.1, 0],
    [0.1, 1],
  ])
  expect(out).toContain('4 finished, 0 skipped, 0 failed of 4 runs')
  expect(out).toContain(`${join(results, 'swept', 'summary.csv')}\n`)
  expect(out).toContain(`${join(results, 'swept', 'report.html')}\n`)
  expect(new Set(rowsOf(join(results, 'swept'), 'summary.csv').map((row) => row.group))).toEqual(
    new Set(['0.1', '0.03']),
  )
  expect(err).toMatch(/^1 of 4 runs done, 25 %, about \S+ \S+ left$/m)
  expect((await fedunify(args)).out).toContain('0 finished, 4 skipped')
})

test('runs without a file share a folder, the same for the same command', async () => {
  const data = ['--dataset', 'idx', '--data', join(folder, 'idx'), '--model', 'mlp', '--out', join(folder, 'bare')]
  const args = ['run', ...data, '--rounds', '1', '--env', 'V,labels:lists=[[0,1],[2,3]]', '--quiet']
  const { code, err } = await fedunify(args)
  expect(code, err).toBe(0)
  const [name, ...others] = runFolders(join(folder, 'bare'))
  expect(others).toEqual([])
  expect(name).toMatch(/sweep-env-[\da-f]{6}$/)
  expect(runFolders(name!)).toHaveLength(2)
  expect((await fedunify(args)).out).toContain('0 finished, 2 skipped')
})

test.each([
  [['--resume', 'x'], '--resume is for one run'],
  [['--run-id', 'x'], '--run-id is for one run'],
  [['--json'], '--json is for one run'],
  [['--sink', 'ndjson'], '--sink is for one run'],
])('%j is refused beside several runs', async (more, message) => {
  const { code, err } = await fedunify(['run', '--seeds', '2', ...more])
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(message) })
})

test('batch takes the flags of run, over what its files say', async () => {
  const file = experiment('flagged', { rounds: 2, seeds: 3, matrix: { lr: [0.1, 0.2] }, lr: undefined })
  const out = join(folder, 'elsewhere')
  const args = ['batch', file, '--out', out, '--rounds', '1', '--seeds', '1', '--lr', '0.05,0.5', '--images', '200']
  const { code, err } = await fedunify([...args, '--name', 'there', '--quiet'])
  expect(code, err).toBe(0)
  const runs = runFolders(join(out, 'there')).map((run) => manifestOf(run).config)
  expect(runs.map(({ lr, rounds, images }) => [lr, rounds, images])).toEqual([
    [0.05, 1, 200],
    [0.5, 1, 200],
  ])
  expect(existsSync(join(results, 'flagged'))).toBe(false)
})

test('runs at the same time share the cores, if nobody says otherwise', async () => {
  const file = experiment('shared', { rounds: 1, seeds: 2, owners: 4 })
  expect((await fedunify(['batch', file, '--jobs', '2', '--quiet'])).code).toBe(0)
  const cores = availableParallelism()
  const workers = (name: string) => runFolders(join(results, name)).map((run) => manifestOf(run).config.workers)
  expect(workers('shared')).toEqual(Array(2).fill(Math.min(4, Math.max(1, Math.floor(cores / 2)))))
  const given = experiment('given', { rounds: 1, seeds: 2, owners: 4, workers: 3 })
  expect((await fedunify(['batch', given, '--jobs', '2', '--quiet'])).code).toBe(0)
  expect(workers('given')).toEqual([3, 3])
})

test('--force does finished runs again; a run of another version is told of', async () => {
  const file = experiment('forced', { rounds: 1 })
  await fedunify(['batch', file, '--quiet'])
  const [run] = runFolders(join(results, 'forced'))
  const first = manifestOf(run!)
  editManifest(run!, /"fedunify": "[^"]+"/, '"fedunify": "0.1.0"')
  // A checkpoint knows of which version it is.
  rmSync(join(run!, 'checkpoint.safetensors'))
  writeFileSync(join(run!, 'notes.txt'), 'mine')
  const skipped = await fedunify(['batch', file])
  expect(skipped.code, skipped.err).toBe(0)
  expect(skipped.err).toContain('finished already by fedunify 0.1.0')
  expect(skipped.out).toMatch(
    /^note: 1 run is by fedunify 0\.1\.0, and this is \S+: --force does finished runs again$/m,
  )
  const plan = await fedunify(['batch', file, '--force', '--dry-run'])
  expect(plan.out).toMatch(/ finished +1 +[1-9]/)
  const again = await fedunify(['batch', file, '--force', '--quiet'])
  expect(again.code, again.err).toBe(0)
  expect(again.out).toContain('1 finished, 0 skipped')
  expect(runFolders(join(results, 'forced'))).toEqual([run])
  const now = manifestOf(run!)
  expect(now).toMatchObject({ fedunify: first.fedunify, status: 'finished' })
  expect(now.started).not.toBe(first.started)
  expect(readFileSync(join(run!, 'notes.txt'), 'utf8')).toBe('mine')
})

test('--force leaves no page, and nothing that was found out, about the runs of before', async () => {
  const file = experiment('paged', { rounds: 1 })
  await fedunify(['batch', file, '--quiet'])
  const page = join(results, 'paged', 'report.html')
  const [run] = runFolders(join(results, 'paged'))
  await fedunify(['report', run!])
  expect([existsSync(page), existsSync(join(run!, 'report.html'))]).toEqual([true, true])
  writeFileSync(join(run!, 'explain.json'), '')
  // A batch that does nothing leaves the page that is right.
  await fedunify(['batch', file, '--quiet', '--no-report'])
  expect(existsSync(page)).toBe(true)
  const again = await fedunify(['batch', file, '--force', '--quiet', '--no-report'])
  expect([again.code, again.err]).toEqual([0, `note: ${page} was about earlier runs, and is removed\n`])
  const left = [page, join(run!, 'report.html'), join(run!, 'explain.json')].filter((name) => existsSync(name))
  expect(left).toEqual([])
})

test('--force keeps what was there if the run fails', async () => {
  const file = experiment('kept', { rounds: 1 })
  await fedunify(['batch', file, '--quiet'])
  const [run] = runFolders(join(results, 'kept'))
  const before = readFileSync(join(run!, 'unified.csv'), 'utf8')
  const failed = await fedunify(['batch', file, '--force', '--quiet', '--data', join(folder, 'nowhere')])
  expect(failed.code).toBe(3)
  expect(readFileSync(join(run!, 'unified.csv'), 'utf8')).toBe(before)
  expect(manifestOf(run!).status).toBe('finished')
})

test('runs that an edited file no longer means are named', async () => {
  experiment('edited', { rounds: 1, seeds: 2 })
  await fedunify(['batch', join(folder, 'edited.yaml'), '--quiet'])
  const file = experiment('edited', { rounds: 1, seeds: 2, lr: 0.01 })
  const { code, out } = await fedunify(['batch', file, '--quiet'])
  expect(code).toBe(0)
  expect(out).toContain('2 finished, 0 skipped')
  expect(out).toMatch(
    /^note: \S+edited also holds runs with another lr: s0-\w{8}, s1-\w{8}; check, compare and report /m,
  )
})

test('two files of one name do not share a folder, unless they say so', async () => {
  for (const name of ['one', 'two']) mkdirSync(join(folder, name), { recursive: true })
  const same = (place: string, given: object) => experiment(`${place}/exp`, { rounds: 1, ...given })
  const [one, two] = [same('one', { lr: 0.1 }), same('two', { lr: 0.2 })]
  const both = await fedunify(['batch', one, two])
  expect(both).toMatchObject({ code: 2, err: expect.stringContaining('would hold the runs of') })
  expect((await fedunify(['batch', one, '--quiet'])).code).toBe(0)
  const summary = readFileSync(join(results, 'exp', 'summary.csv'), 'utf8')
  const { code, err } = await fedunify(['batch', two])
  expect(code).toBe(2)
  expect(err).toContain(`${join(results, 'exp')} holds the runs of ${one}, not of ${two}`)
  expect(readFileSync(join(results, 'exp', 'summary.csv'), 'utf8')).toBe(summary)
  expect((await fedunify(['batch', one, '--quiet'])).out).toContain('1 skipped')
  const named = await fedunify(['batch', two, '--name', 'other', '--quiet'])
  expect(named.code, named.err).toBe(0)
  const asked = await fedunify(['batch', two, '--name', 'exp', '--quiet'])
  expect(asked.code, asked.err).toBe(0)
})

test('files of expectations in a folder are passed over and named; a name with brackets is a file', async () => {
  const place = join(folder, 'with (gate) [1]')
  mkdirSync(place)
  experiment('with (gate) [1]/study {a,b}', { rounds: 1 })
  writeFileSync(join(place, 'gate.yaml'), '- { metric: unified, min: 0.2 }\n')
  writeFileSync(join(place, 'other.yaml'), 'expect: [{ metric: unified, min: 0.2 }]\n')
  const all = await fedunify(['batch', '--dry-run', place])
  expect(all.code, all.err).toBe(0)
  expect(all.out).toContain('results/study-a-b/s0-')
  for (const name of ['gate', 'other']) {
    expect(all.err).toContain(`${name}.yaml is passed over: it holds expectations, and no experiment`)
  }
  const [one, glob] = [join(place, 'study {a,b}.yaml'), join(place, 'st*.yaml')]
  for (const named of [one, glob]) {
    expect(await fedunify(['batch', '--dry-run', named])).toMatchObject({ code: 0, err: '' })
  }
})
