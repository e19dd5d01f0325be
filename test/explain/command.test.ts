import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { VERSION } from '../../src/package.ts'
import { fedunify } from '../support/command-line.ts'
import { SMALL_MODEL, workshop } from '../support/experiment.ts'

const { experiment, folder } = workshop()
const MODEL = [...SMALL_MODEL.slice(0, 4), { type: 'dense', units: 6 }, { type: 'relu' }, { type: 'dense', units: 4 }]
const at = (name: string, ...file: string[]) => join(folder, 'results', name, 'a', ...file)
const run = async (name: string, given: object) =>
  await fedunify(['run', experiment(name, { env: 'H', rounds: 2, model: MODEL, ...given }), '--run-id', 'a', '--quiet'])

beforeAll(async () => {
  expect(await run('kept', { keep: 'owners', baseline: 'pooled' })).toMatchObject({ code: 0 })
  expect(await run('plain', { model: SMALL_MODEL })).toMatchObject({ code: 0 })
}, 60_000)

it('explain says where a unified model loses, and leaves the run as it was', async () => {
  const { code, out, err } = await fedunify(['explain', at('kept'), '--json', '--quiet', '--no-save'])
  expect([code, err]).toEqual([0, ''])
  expect(readdirSync(at('kept')).filter((name) => name.startsWith('explain'))).toEqual([])
  const { accuracy, confused, opposition, line, advice, ...rest } = JSON.parse(out)
  expect(rest).toEqual({ format: 1, path: at('kept'), round: 2 })
  const rows = readFileSync(at('kept', 'unified.csv'), 'utf8').trim().split('\n')
  const [unified, pooled] = rows.slice(-2).map((row) => Number(row.split(',')[3]))
  expect(accuracy).toMatchObject({ unified, pooled })
  // To choose among fewer classes never costs an image that was right.
  expect(accuracy.among_own_classes).toBeGreaterThanOrEqual(accuracy.unified)
  expect(accuracy.fitted_head).toBeGreaterThan(0.5)
  expect(accuracy.fitted_head_on_map).toBeGreaterThan(0.5)
  expect(opposition.layers.map(({ layer }: { layer: string }) => layer)).toEqual([
    'conv1',
    'dense1',
    'dense2',
    'all layers',
  ])
  expect(line.owners).toEqual([1, 2])
  expect(line.points.map(({ share }: { share: number }) => share)).toEqual([
    0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
  ])
  // The middle of two is their average, which is the unified model.
  expect(line.points[5].accuracy).toBe(unified)
  expect(advice.length).toBeGreaterThan(0)
  expect(await fedunify(['verify', at('kept')])).toMatchObject({ code: 0 })
})

it('explain of a run without kept weights, and of a model without a hidden layer, leaves that out', async () => {
  const { code, out } = await fedunify(['explain', at('plain'), '--quiet'])
  expect(code).toBe(0)
  expect(out).toContain('the run kept no weights of its owners')
  expect(out).toContain('with a last layer fitted to its features')
  expect(out).not.toContain('with one fitted to its last map')
  expect(out).not.toContain('from owner')
  const { out: markdown } = await fedunify(['explain', at('plain'), '--md', '--quiet'])
  expect(markdown).toContain('| the unified model |')
})

it('explain refuses a model whose logits have no bias to limit', async () => {
  const etf = [...MODEL.slice(0, -1), { type: 'dense', units: 6 }, { type: 'etf' }]
  expect(await run('etf', { model: etf })).toMatchObject({ code: 0 })
  const { code, err } = await fedunify(['explain', at('etf'), '--quiet'])
  expect([code, err]).toEqual([2, expect.stringMatching(/which must be dense, but it is etf\nhint: explain a run/)])
})

it('explain keeps what it found, by which the run can be verified, and the report draws it', async () => {
  const before = readFileSync(at('kept', 'report.html'), 'utf8')
  const { code, out, err } = await fedunify(['explain', at('kept'), '--json'])
  expect([code, err.split('\n').slice(-3)]).toEqual([
    0,
    [`saved: ${at('kept', 'explain.json')}`, `report: ${at('kept', 'report.html')}`, ''],
  ])
  const { format: _, path, ...printed } = JSON.parse(out)
  const manifest = JSON.parse(readFileSync(at('kept', 'manifest.json'), 'utf8'))
  expect(JSON.parse(readFileSync(at('kept', 'explain.json'), 'utf8'))).toEqual({
    format: 1,
    fedunify: VERSION,
    run: `kept/${manifest.started}`,
    seed: 0,
    ...printed,
    sha256: expect.stringMatching(/^[\da-f]{64}$/),
  })
  const { runs } = JSON.parse((await fedunify(['verify', path, '--json'])).out)
  expect(runs[0]).toMatchObject({ ok: true, analyses: ['explain.json'], others: ['report.html'] })
  const page = readFileSync(at('kept', 'report.html'), 'utf8')
  for (const id of ['losses', 'pairs', 'opposition', 'between']) expect(page).toContain(`<figure id="g1-${id}"`)
  for (const line of printed.advice) expect(page).toContain(`<li><p>${line.replaceAll("'", '&#39;')}</p></li>`)
  // Without it, the page is what it was.
  rmSync(at('kept', 'explain.json'))
  await fedunify(['report', at('kept')])
  expect(readFileSync(at('kept', 'report.html'), 'utf8')).toBe(before)
})

it('explain prints what it found also if it cannot be kept', async () => {
  mkdirSync(at('kept', 'explain.json', 'full'), { recursive: true })
  const { code, out, err } = await fedunify(['explain', at('kept'), '--quiet'])
  expect([code, err]).toEqual([
    2,
    `error: cannot write ${at('kept', 'explain.json')}: it is a folder\nhint: leave the run folder as it is: --no-save\n`,
  ])
  expect(out).toContain('where the unified model loses accuracy')
  rmSync(at('kept', 'explain.json'), { recursive: true })
})

it.skipIf(process.getuid?.() === 0)('explain of a run folder that is read-only says so first', async () => {
  chmodSync(at('kept'), 0o555)
  const { code, out, err } = await fedunify(['explain', at('kept'), '--quiet'])
  chmodSync(at('kept'), 0o755)
  expect([code, out, err]).toEqual([2, '', expect.stringContaining('hint: leave the run folder as it is: --no-save')])
})

it('explain says what is missing', async () => {
  rmSync(at('plain', 'model.safetensors'))
  const { code, err } = await fedunify(['explain', at('plain'), '--quiet'])
  expect([code, err]).toEqual([3, expect.stringMatching(/model\.safetensors: no such file\nhint: a published run may/)])
})
