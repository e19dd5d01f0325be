import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { eventsOf, rowsOf } from '../support/run-folder.ts'

const { experiment, folder } = workshop()
const MERGE = ['avg', 'max']
const base = { rounds: 8, merge: MERGE, baseline: 'pooled', env: 'H' }
const at = (name: string, id = 'a') => join(folder, 'results', name, id)

async function run(name: string, given: object, ...more: string[]) {
  const file = experiment(name, { ...base, ...given })
  const { code, err } = await fedunify(['run', file, '--run-id', 'a', '--quiet', ...more])
  expect([code, err]).toEqual([0, ''])
  return at(name)
}

const bytesOf = (dir: string, file: string) => readFileSync(join(dir, file))

it('evaluates in every third round and the last: the same numbers there, nothing elsewhere, the same weights', {
  timeout: 60_000,
}, async () => {
  const whole = await run('whole', {})
  const seldom = await run('seldom', { 'evaluate-every': 3 })
  const EVALUATED = ['3', '6', '8']

  expect(bytesOf(seldom, 'model.safetensors').equals(bytesOf(whole, 'model.safetensors'))).toBe(true)
  for (const [file, measured] of [
    ['unified.csv', ['accuracy', 'loss']],
    ['local.csv', ['local_accuracy', 'copied_accuracy']],
    ['table.csv', ['local_1', 'local_2', ...MERGE, 'pooled']],
  ] as const) {
    const rows = rowsOf(seldom, file)
    const expected = rowsOf(whole, file).map((row) => {
      if (EVALUATED.includes((row.round ?? row.epoch)!)) return row
      return { ...row, ...Object.fromEntries(measured.map((column) => [column, ''])) }
    })
    expect(rows, file).toEqual(expected)
  }
  const rounds = eventsOf(seldom).filter(({ type }) => type === 'round-finished')
  expect(rounds.filter(({ merges }) => merges[0].unified).map(({ round }) => round)).toEqual([3, 6, 8])
  expect(rounds.filter(({ locals }) => locals[1].local).map(({ round }) => round)).toEqual([3, 6, 8])
  expect(rounds.filter(({ baseline }) => baseline.local).map(({ round }) => round)).toEqual([3, 6, 8])
})

it.each([
  ['to the last round', {}, 8],
  ['to the first evaluated round that is accurate enough', { 'stop-at': 0.9 }, 3],
])(
  'goes on after an interruption behind each round, %s, to the same bytes',
  { timeout: 120_000 },
  async (_, ends, rounds) => {
    const { runExperiment } = await import('../../src/index.ts')
    const name = `unbroken-${rounds}`
    const given = { 'evaluate-every': 3, ...ends }
    const whole = await run(name, given)
    const { parse } = await import('yaml')
    const config = parse(readFileSync(experiment('broken', { ...base, ...given, name }), 'utf8'))
    const broken = at(name, 'broken')
    let interruptions = 0
    for (let going = true; going; ) {
      going = false
      for await (const event of runExperiment(config, { folder: broken, resume: interruptions > 0 })) {
        if (event.type !== 'round-finished') continue
        interruptions += 1
        going = true
        break
      }
    }
    expect(interruptions).toBe(rounds)
    for (const file of ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']) {
      expect(bytesOf(broken, file).equals(bytesOf(whole, file)), file).toBe(true)
    }
  },
)

it('is judged, compared and reported by the rounds that were evaluated', { timeout: 60_000 }, async () => {
  const dir = await run('judged', { 'evaluate-every': 3, expect: [{ metric: 'unified', at: 'end', min: 0.1 }] })
  const whole = await run('beside', {})
  expect((await fedunify(['check', dir])).code).toBe(0)

  const gate = experiment('gate', { ...base, expect: [{ metric: 'unified', merge: 'avg', at: 4, min: 0.1 }] })
  const missed = await fedunify(['check', dir, '--expect', gate])
  expect(missed.code).toBe(1)
  expect(missed.out).toContain('round 4 was not evaluated (evaluate-every: 3)')

  const compared = await fedunify(['compare', dir, whole, '--rounds', '3,end', '--format', 'json'])
  expect(compared.code, compared.err).toBe(0)
  const page = join(folder, 'page.html')
  expect((await fedunify(['report', dir, '--out', page])).code).toBe(0)
  expect(readFileSync(page, 'utf8')).toContain('evaluate-every')
})

it('tells a table whose empty cell was filled, and one whose figure is missing', async () => {
  const { loadRun } = await import('../../src/runs/read/load-run.ts')
  const dir = await run('edited', { 'evaluate-every': 3 })
  const { tables, manifest } = await loadRun(dir)
  const { assertTold } = await import('../../src/runs/read/verify.ts')
  const lined = <Row>(rows: readonly Row[]) => rows.map((row, i) => ({ ...row, line: i + 2 }))
  const [local, unified] = [lined(tables.local), lined(tables.unified)]
  assertTold(dir, manifest, local, unified)
  const filled = unified.map((row, i) => (i === 0 ? { ...row, accuracy: 0.5, loss: 1 } : row))
  expect(() => assertTold(dir, manifest, local, filled)).toThrow('unified.csv:2: it has a figure that nobody measured')
  const emptied = local.map((row) => (row.round === 6 ? { ...row, local_accuracy: undefined } : row))
  expect(() => assertTold(dir, manifest, emptied, unified)).toThrow(/local\.csv:\d+: a figure is missing/)
})
