import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it, vi } from 'vitest'
import { contributionsOf } from '../../src/remerge/contributions.ts'
import { distance } from '../../src/remerge/merged.ts'
import { shapleyValues } from '../../src/remerge/shapley.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { rowsOf } from '../support/run-folder.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const { experiment, folder } = workshop()
const base = { owners: 3, env: { dirichlet: { alpha: 1 } }, rounds: 2, keep: 'owners' }
const at = (name: string) => join(folder, 'results', name, 'a')

async function run(name: string, given: object): Promise<string> {
  const file = experiment(name, { ...base, ...given })
  const { code, err } = await fedunify(['run', file, '--run-id', 'a', '--quiet', '--no-report'])
  expect([code, err]).toEqual([0, ''])
  return at(name)
}

async function json(...args: string[]) {
  const { code, out, err } = await fedunify(['remerge', ...args, '--quiet', '--json'])
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out)
}

let dir = ''
beforeAll(async () => {
  dir = await run('three', { merge: ['avg', 'max', 'median'] })
})

it("gives the run's own rules the accuracies that unified.csv has, to the last digit, and scores others beside them", async () => {
  const before = readFileSync(join(dir, 'manifest.json'))
  const { code, out } = await fedunify(['remerge', dir, '--round', 'all', '--csv', '--quiet'])
  expect(code).toBe(0)
  const [head = '', ...lines] = out.trimEnd().split('\n')
  const columns = head.split(',')
  const rows = lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [columns[i]!, cell])))
  const own = rows.filter(({ rule }) => ['avg', 'max', 'median'].includes(rule!))
  expect(own.map(({ round, rule, accuracy, loss }) => [round, rule, accuracy, loss])).toEqual(
    rowsOf(dir, 'unified.csv').map(({ round, merge, accuracy, loss }) => [round, merge, accuracy, loss]),
  )
  expect(own.map(({ accuracy_in_run }) => accuracy_in_run)).toEqual(own.map(({ accuracy }) => accuracy))
  expect(own.filter(({ rule }) => rule === 'avg').map(({ points, distance }) => [points, distance])).toEqual([
    ['0', '0'],
    ['0', '0'],
  ])
  const other = rows.find(({ rule, round }) => rule === 'weighted-avg' && round === '2')!
  expect(other.accuracy_in_run).toBe('')
  const avg = own.find(({ rule, round }) => rule === 'avg' && round === '2')!
  expect(Number(other.points)).toBe(100 * (Number(other.accuracy) - Number(avg.accuracy)))
  expect(rows.find(({ rule }) => rule === 'trimmed-mean:beta=0.1')).toMatchObject({
    accuracy: '',
    reason: '"beta 0.1 trims none of 3 owners',
  })
  expect(readFileSync(join(dir, 'manifest.json')).equals(before)).toBe(true)
  expect((await fedunify(['verify', dir])).code).toBe(0)
})

it('merges by rules that look at whole models, labels and the received model, as the run did', async () => {
  const rules = [
    'class-rows',
    'task-arithmetic',
    'ties',
    'dare',
    'clipped-avg',
    'geometric-median',
    'multi-krum',
    'layers',
  ]
  const options: Record<string, object> = { 'multi-krum': { f: 1, m: 2 }, 'clipped-avg': { bound: 1 } }
  const merge = rules.slice(0, -1).map((rule) => (options[rule] ? { [rule]: options[rule] } : rule))
  const five = await run('five', {
    owners: 5,
    merge: [...merge, { layers: { rules: { 'conv*': 'avg' }, otherwise: 'median' } }],
  })
  const { rows } = await json(five, '--rules', 'all', '--contributions', '--round', '1')
  const own = rows.filter(({ accuracy_in_run }: { accuracy_in_run: number | null }) => accuracy_in_run !== null)
  expect(own.map(({ rule }: { rule: string }) => rule.split(':')[0])).toEqual(rules)
  for (const { rule, accuracy, accuracy_in_run } of own) expect(accuracy, rule).toBe(accuracy_in_run)
  for (const { rule, accuracy, reason } of rows) expect(accuracy === null, `${rule}: ${reason}`).toBe(reason !== null)
  // Options that are not given are the run's. A run without the rule has none, and there is no default for a bound.
  const others = (await json(dir, '--rules', 'all')).rows
  expect(others.find(({ rule }: { rule: string }) => rule === 'clipped-avg').reason).toMatch(/^needs bound: /)
  const nova = others.find(({ rule }: { rule: string }) => rule.startsWith('fednova'))
  expect(nova).toMatchObject({ accuracy: expect.any(Number), reason: null })
  expect((await json(five, '--rules', 'clipped-avg')).rows[0].rule).toBe('clipped-avg:bound=1:weights=equal')
  // It needs 2f + 3 = 5 owners: without one there are 4.
  const krum = own.find(({ rule }: { rule: string }) => rule.startsWith('multi-krum'))
  expect(krum).toMatchObject({ contributions: [], no_contributions: expect.stringContaining('owners') })
  expect(own[0]).toMatchObject({ contributions: Array(5).fill(expect.anything()), no_contributions: null })

  const apart = await run('five-apart', { owners: 5, init: 'independent', rounds: 1, merge: ['avg'] })
  const [one] = (await json(apart, '--rules', 'ties')).rows
  expect(one.reason).toBe('it goes on from the model that all owners received, but each began with its own')
})

it('takes rules with options, and files of rules', async () => {
  const file = join(folder, 'first-owner.mjs')
  writeFileSync(
    file,
    `export default {
  summary: 'the first owner', source: 'test', when: 'never', needs: 'each',
  make: () => (values, owners, out) => { out.set(values[0]) },
}
`,
  )
  const { rows } = await json(dir, '--rules', `absmax,${file},trimmed-mean:beta=0.4`)
  expect(rows.map(({ rule }: { rule: string }) => rule)).toEqual(['absmax', 'first-owner', 'trimmed-mean:beta=0.4'])
  expect(rows[1].accuracy).toBeGreaterThan(0)
  // ⌊0.4 · 3⌋ = 1 at each end leaves one: that is the median, which is said.
  expect(rows[2]).toMatchObject({ accuracy: null, reason: 'beta 0.4 leaves 1 of 3 owners, which is the rule median' })
  const wrong = await fedunify(['remerge', dir, '--rules', 'avrg'])
  expect(wrong.code).toBe(2)
  expect(wrong.err).toMatch(/--rules.*avrg/)
  expect(wrong.err).toContain('did you mean avg?')
})

it('merges without an owner, and says what each contributes', async () => {
  const [whole] = (await json(dir, '--contributions')).rows
  expect(whole.rule).toBe('avg')
  expect(whole.contributions.map(({ owner }: { owner: number }) => owner)).toEqual([1, 2, 3])
  for (const { owner, accuracy_without, points } of whole.contributions) {
    const { rows, without } = await json(dir, '--rules', 'avg', '--without', String(owner))
    expect(without).toEqual([owner])
    expect(rows[0]).toMatchObject({ accuracy: accuracy_without, accuracy_in_run: null })
    expect(points).toBe(100 * (whole.accuracy - accuracy_without))
  }
  // The values of all owners add up to what the merge of all has more than the model that they received, which is that
  // of the round before.
  const { rows, notes } = await json(dir, '--shapley', '--rules', 'avg,max')
  const received = Number(
    rowsOf(dir, 'unified.csv').find(({ round, merge }) => round === '1' && merge === 'avg')!.accuracy,
  )
  for (const { accuracy, contributions } of rows) {
    const sum = contributions.reduce((total: number, { points }: { points: number }) => total + points, 0)
    expect(sum).toBeCloseTo(100 * (accuracy - received), 9)
  }
  expect(notes).toContain('a merge of no owner counts as the model that the owners received in that round')
})

it('keeps what it found beside what it found before, for the report, unless it is not to', async () => {
  const kept = await run('saved', { merge: ['avg', 'max'] })
  const file = join(kept, 'remerge.json')
  await json(kept, '--rules', 'avg,max', '--no-save')
  expect(existsSync(file)).toBe(false)
  await json(kept, '--rules', 'avg,max', '--round', 'all')
  await json(kept, '--rules', 'avg', '--contributions')
  const { rows } = await json(kept, '--rules', 'max', '--without', '1')
  const { tables, run: of } = JSON.parse(readFileSync(file, 'utf8'))
  expect(of).toMatch(/^saved\/20/)
  const [whole, without] = tables
  expect(
    whole.rows.map(({ round, rule, contributions }: { round: number; rule: string; contributions: object[] }) => {
      return [round, rule, contributions.length]
    }),
  ).toEqual([
    [1, 'avg', 0],
    [1, 'max', 0],
    [2, 'avg', 3],
    [2, 'max', 0],
  ])
  expect(without).toMatchObject({ without: [1], rows })
  expect((await fedunify(['verify', kept])).out).toContain('as they were written: remerge.json')
  const page = readFileSync(join(kept, 'report.html'), 'utf8')
  for (const id of ['rules', 'rules-leave-one-out', 'rules2']) expect(page).toContain(`<figure id="g1-${id}"`)
  writeFileSync(file, '')
  const again = await fedunify(['remerge', kept, '--rules', 'avg'])
  expect(again.err).toContain(
    `note: what was there is replaced: ${file}: it is not as it was written\nsaved: ${file}\n`,
  )
})

it('goes on without what a published run may lack, if its data is where the config says', async () => {
  const shown = await run('shown', { rounds: 1 })
  for (const name of ['checkpoint.safetensors', 'model.onnx']) rmSync(join(shown, name))
  expect((await json(shown, '--rules', 'avg', '--data', join(folder, 'idx'))).rows[0].accuracy_in_run).toBeGreaterThan(
    0,
  )
  rmSync(join(shown, 'owners'), { recursive: true })
  const { code, err } = await fedunify(['remerge', shown, '--data', join(folder, 'idx'), '--quiet'])
  expect(code).toBe(3)
  expect(err).toContain('owners/round-0001/owner-1.safetensors: no such file')
})

it('counts chance as nobody if there is no received model', async () => {
  const apart = await run('apart', { init: 'independent', rounds: 1 })
  const { rows, notes } = await json(apart, '--shapley', '--without', '2')
  const sum = rows[0].contributions.reduce((total: number, { points }: { points: number }) => total + points, 0)
  // Four classes: chance is a quarter.
  expect(sum).toBeCloseTo(100 * (rows[0].accuracy - 0.25), 9)
  expect(notes.join()).toContain('counts as chance, 25.00')
})

it.each([
  ['stepped', { server: 'avgm' }, 'the server step avgm'],
  ['own-step', { objective: 'feddyn' }, 'the server step of objective feddyn:alpha=0.1'],
])('says that a server step came behind the merge: %s', async (name, given, step) => {
  const stepped = await run(name, { ...given, rounds: 2, merge: ['avg', 'max'] })
  const { rows, notes } = await json(stepped, '--rules', 'avg,max')
  expect(notes.join()).toMatch(new RegExp(`^the run made its models of avg by ${step}`))
  const unified = rowsOf(stepped, 'unified.csv')
  expect(rows[1].accuracy).toBe(Number(unified.find(({ round, merge }) => round === '2' && merge === 'max')!.accuracy))
})

it('prints a table, and writes a file by its ending, but none of the run', async () => {
  const { out } = await fedunify(['remerge', dir, '--rules', 'avg,median', '--contributions', '--quiet'])
  expect(out).toMatch(/^round {2}rule {4}accuracy {2}in the run +loss {2}to avg {2}distance$/m)
  expect(out).toMatch(/^round {2}rule {4}owner {2}without it {2}leave-one-out$/m)
  const file = join(folder, 'out', 'scores.md')
  const written = await fedunify(['remerge', dir, '--rules', 'avg', '-o', file, '--quiet'])
  expect([written.code, written.out]).toEqual([0, ''])
  expect(readFileSync(file, 'utf8')).toMatch(/^\| round \| rule \| accuracy \|/)
  for (const name of ['unified.csv', 'owners/scores.csv']) {
    const refused = await fedunify(['remerge', dir, '--rules', 'avg', '-o', join(dir, name)])
    expect(refused.code).toBe(2)
    expect(refused.err).toContain('is a file of the run')
  }
})

it('refuses what it cannot do, in one line with a hint', async () => {
  const plain = await run('plain', { keep: undefined })
  const cases = [
    [[plain], 3, 'has kept no weights of its owners', 'do the run with --keep owners'],
    [[dir, '--round', '3'], 3, 'the weights of round 3 were not kept', '--round takes last, all, or one of 1, 2'],
    [[dir, '--without', '7'], 2, '--without 7: round 2 has no such owner', 'its owners are 1, 2, 3'],
    [[dir, '--without', '1,2,3'], 2, '--without leaves no owner to merge', 'leave out fewer'],
    [[dir, '--round', 'first'], 2, 'expected a round number, last or all', ''],
  ] as const
  for (const [args, code, message, hint] of cases) {
    const refused = await fedunify(['remerge', ...args, '--quiet'])
    expect([refused.code, refused.err.split('\n').length]).toEqual([code, 3])
    expect(refused.err).toContain(message)
    expect(refused.err).toContain(hint)
  }
  const many = await run('many', { owners: 11, rounds: 1, env: { dirichlet: { alpha: 100 } } })
  const refused = await fedunify(['remerge', many, '--shapley', '--quiet'])
  expect(refused.code).toBe(2)
  expect(refused.err).toContain('--shapley is for 10 owners or fewer, round 1 has 11: 2^11 models')

  const other = join(folder, 'other')
  mkdirSync(other)
  const { writeTinyIdx } = await import('../support/idx.ts')
  writeTinyIdx(other, { train: 240, test: 60, rows: 12, cols: 12, classes: 4, seed: 2 })
  const foreign = await fedunify(['remerge', dir, '--data', other, '--quiet'])
  expect(foreign.code).toBe(2)
  expect(foreign.err).toContain('the dataset is not that of the run')

  const file = join(dir, 'owners/round-0002/owner-1.safetensors')
  const before = readFileSync(file)
  writeFileSync(file, before.with(before.length - 1, before.at(-1)! ^ 1))
  const edited = await fedunify(['remerge', dir, '--quiet'])
  writeFileSync(file, before)
  expect(edited.code).toBe(3)
  expect(edited.err).toContain(`${file}: it was edited`)
})

it('Shapley: what a player adds, on average over all orders', () => {
  // A left glove (1) and two right ones (2, 3): a pair is worth 1. Of the 6 orders, player 1 makes a pair in all but the
  // two in which it comes first: 4/6. Player 2 makes it only in 1 2 3: 1/6, and player 3 only in 1 3 2: 1/6.
  const gloves = [0, 0, 0, 1, 0, 1, 0, 1]
  const [one, two, three] = shapleyValues(gloves)
  expect(one).toBeCloseTo(4 / 6, 12)
  expect(two).toBeCloseTo(1 / 6, 12)
  expect(three).toBeCloseTo(1 / 6, 12)
  // Two players, v(∅) = 10, v(1) = 40, v(2) = 20, v(12) = 60: (30 + 40) / 2 = 35 and (10 + 20) / 2 = 15.
  expect(shapleyValues([10, 40, 20, 60])).toEqual([35, 15])
})

it('evaluates no coalition twice', async () => {
  const asked: string[] = []
  const owners = [1, 2, 3].map((owner) => ({ owner, trainImages: 1, weights: new Map() }))
  const found = await contributionsOf(owners, ['leave-one-out', 'shapley'], 0.75, async (coalition) => {
    asked.push(coalition.map(({ owner }) => owner).join('+'))
    return 0.25 * coalition.length
  })
  expect(asked.toSorted()).toEqual(['', '1', '1+2', '1+3', '2', '2+3', '3'])
  // Every owner adds a quarter, whoever is there.
  expect(found).toHaveLength(6)
  for (const { points } of found) expect(points).toBeCloseTo(25, 12)
})

it('measures how far a model lies from another, in units of its length', () => {
  const model = (values: number[]): Weights =>
    new Map([['w', { shape: [values.length], data: Float32Array.from(values) }]])
  // ‖(3, 4) - (0, 4)‖ / ‖(0, 4)‖ = 3 / 4
  expect(distance(model([3, 4]), model([0, 4]))).toBe(0.75)
  expect(distance(model([0, 0]), model([0, 0]))).toBe(0)
})

it('knows how many steps each owner went', async () => {
  const uneven = await run('uneven', { rounds: 1, merge: ['avg', 'fednova'], optimizer: 'momentum' })
  const { rows } = await json(uneven, '--rules', 'fednova')
  const unified = rowsOf(uneven, 'unified.csv').find(({ merge }) => merge === 'fednova')!
  expect([rows[0].accuracy, rows[0].loss]).toEqual([Number(unified.accuracy), Number(unified.loss)])
})

it('merges by the images of each class, and says why a rule of several rounds is left out', async () => {
  const { code, out } = await fedunify(['remerge', dir, '--rules', 'class-rows,last-rounds', '--csv', '--quiet'])
  expect(code).toBe(0)
  expect(out).toMatch(/^2,class-rows:weights=images,,merge,\d/m)
  expect(out).toContain('it merges the unified models of several rounds')
})
