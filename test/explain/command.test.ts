import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
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
  const { code, out, err } = await fedunify(['explain', at('kept'), '--json', '--quiet'])
  expect([code, err]).toEqual([0, ''])
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

it('explain says what is missing', async () => {
  rmSync(at('plain', 'model.safetensors'))
  const { code, err } = await fedunify(['explain', at('plain'), '--quiet'])
  expect([code, err]).toEqual([3, expect.stringMatching(/model\.safetensors: no such file\nhint: a published run may/)])
})
