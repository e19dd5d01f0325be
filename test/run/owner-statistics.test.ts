import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configHash } from '../../src/config/hash.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'
import { measureAll } from '../../src/federation/owner-statistics.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { runBinary } from '../support/binary.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { plainLearner } from '../support/plain-owners.ts'
import { rowsOf } from '../support/run-folder.ts'

const { experiment, folder } = workshop()
const MERGE = ['avg', { regmean: { images: 50 } }, { fisher: { images: 20 } }]
const given = { env: 'H', merge: MERGE, rounds: 3, lr: 0.1 }
const at = (name: string, id: string, file = '') => join(folder, 'results', name, id, file)
const bytes = (name: string, id: string, file: string) => readFileSync(at(name, id, file))
const run = async (file: string, id: string, ...more: string[]) =>
  await fedunify(['run', file, '--run-id', id, '--quiet', '--device', 'cpu', ...more])
const told = (name: string) =>
  readFileSync(at(name, 'a', 'disclosure.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line)) // biome-ignore format: one line
const PAGE = readFileSync('docs/disclosure.md', 'utf8')

describe('a run with rules that ask for statistics', { timeout: 120_000 }, () => {
  it('sends back the first rule as without them, and counts what each owner hands in', async () => {
    expect(await run(experiment('asked', given), 'a')).toMatchObject({ code: 0 })
    expect(await run(experiment('plain', { ...given, merge: ['avg'] }), 'a')).toMatchObject({ code: 0 })
    for (const file of ['model.safetensors', 'model.onnx', 'local.csv']) {
      expect(bytes('asked', 'a', file).equals(bytes('plain', 'a', file)), file).toBe(true)
    }
    const unified = rowsOf(at('asked', 'a'), 'unified.csv')
    const scored = (rule: string) => unified.filter(({ merge }) => merge === rule).map(({ loss }) => loss)
    for (const rule of ['regmean', 'fisher']) expect(scored(rule)).not.toEqual(scored('avg'))
    // The lower triangle of the 144 inputs of the one dense layer, and a value for each of the model's weights.
    const values = (144 * 145) / 2 + 4 * 9 + 4 + 4 * 144 + 4
    const more = told('asked').filter(({ kind }) => kind === 'statistics')
    expect(more.map(({ round, owner, fields }) => [round, owner, fields])).toEqual(
      [1, 2, 3].flatMap((round) => [1, 2].map((owner) => [round, owner, ['grams', 'fisher']])),
    )
    for (const { bytes: size } of more) {
      expect(size - 4 * values).toBeGreaterThan(0)
      expect(size - 4 * values).toBeLessThan(1000)
    }
    const up = (name: string) => rowsOf(at(name, 'a'), 'traffic.csv').map(({ up_bytes }) => Number(up_bytes))
    expect(up('asked').map((count, i) => count - up('plain')[i]!)).toEqual(more.map(({ bytes: size }) => size))
    expect(told('plain').some(({ kind }) => kind === 'statistics')).toBe(false)
    for (const field of ['grams', 'fisher', 'empirical-fisher']) expect(PAGE).toContain(`| \`${field}\` |`)
    expect(await fedunify(['verify', at('asked', 'a')])).toMatchObject({ code: 0 })
  })

  it('comes to the same with one worker, and in two parts, whichever rule drives it', {
    timeout: 120_000,
  }, async () => {
    for (const driver of ['regmean', 'fisher']) {
      const merge = [...MERGE.filter((rule) => typeof rule === 'object' && driver in rule), 'avg']
      const file = experiment(`driven-${driver}`, { ...given, merge })
      const name = `driven-${driver}`
      expect(await run(file, 'whole', '--workers', '2')).toMatchObject({ code: 0 })
      expect(await run(file, 'one', '--workers', '1')).toMatchObject({ code: 0 })
      expect(await run(file, 'parts', '--stop-after', '1')).toMatchObject({ code: 0 })
      expect(await fedunify(['run', '--resume', at(name, 'parts'), '--rounds', '3', '--quiet'])).toMatchObject({ code: 0 }) // biome-ignore format: one line
      for (const id of ['one', 'parts']) {
        for (const of of ['unified.csv', 'traffic.csv', 'model.safetensors']) {
          expect(bytes(name, id, of).equals(bytes(name, 'whole', of)), `${name} ${id} ${of}`).toBe(true)
        }
      }
      expect(bytes(name, 'whole', 'model.safetensors').equals(bytes('plain', 'a', 'model.safetensors'))).toBe(false)
    }
  })

  it('asks nothing of the pooled baseline', async () => {
    const file = experiment('pooled', { ...given, rounds: 1, merge: ['fisher'], baseline: 'pooled' })
    expect(await run(file, 'a')).toMatchObject({ code: 0 })
  })

  it('is another one with other options, and leaves the hash of others as it was', () => {
    const hashOf = (values: Readonly<Record<string, unknown>>) =>
      configHash(resolveExperiment([{ kind: 'file', values, where: () => 'test' }]))
    expect(hashOf({ merge: { regmean: { images: 1000 } } })).toBe(hashOf({ merge: 'regmean' }))
    expect(hashOf({ merge: { regmean: { images: 999 } } })).not.toBe(hashOf({ merge: 'regmean' }))
  })
})

describe('what an owner is asked for', () => {
  const train = Uint32Array.from({ length: 40 }, (_, i) => 100 + i)
  const where = { owner: 2, name: 'owner 2', round: 3, train }
  const weights: Weights = new Map([['w', { shape: [1], data: Float32Array.of(1) }]])

  it('is of images that seed, owner and round draw, the fewer among the more', async () => {
    const seen: { images: number[]; statistic: string }[] = []
    const learner = {
      ...plainLearner([]),
      measure: async (_: Weights, indices: Uint32Array, statistic: string) => {
        seen.push({ images: [...indices], statistic })
        return weights
      },
    }
    const asks = [
      { statistic: 'grams', images: 5 },
      { statistic: 'fisher', images: 12 },
      { statistic: 'fisher', images: 1000 },
    ] as const
    const drawn = async (seed: number, more: object = {}) => {
      seen.length = 0
      expect(Object.keys(await measureAll(learner, weights, { asks, seed }, { ...where, ...more }))).toEqual([
        'grams-5',
        'fisher-12',
        'fisher-1000',
      ])
      return seen.map(({ images }) => images)
    }
    const [few, some, all] = (await drawn(1)) as [number[], number[], number[]]
    expect(some.slice(0, 5)).toEqual(few)
    expect(all.slice(0, 12)).toEqual(some)
    expect(all.toSorted((a, b) => a - b)).toEqual([...train])
    expect(await drawn(1)).toEqual([few, some, all])
    for (const others of [await drawn(2), await drawn(1, { owner: 3 }), await drawn(1, { round: 4 })]) {
      expect(others[1]).not.toEqual(some)
    }
  })

  it('must be finite', async () => {
    const learner = {
      ...plainLearner([]),
      measure: async () => new Map([['w', { shape: [1], data: Float32Array.of(Number.POSITIVE_INFINITY) }]]),
    }
    const asks = [{ statistic: 'fisher', images: 5 }] as const
    await expect(measureAll(learner, weights, { asks, seed: 1 }, where)).rejects.toMatchObject({
      kind: 'training',
      message: 'owner 2, round 3: fisher of w became Infinity',
      place: { owner: 2, round: 3, tensor: 'w' },
    })
  })
})

describe('rules that ask for statistics are refused', { timeout: 120_000 }, () => {
  const APART = 'compares units that mean the same at all owners, but with init independent each has its own'

  it.each(['regmean', 'fisher', 'layers:rules={dense*=regmean}'])('%s where owners begin apart', async (rule) => {
    const { code, err } = await fedunify(['run', experiment('apart', { init: 'independent' }), '--merge', rule])
    expect({ code, err }).toEqual({
      code: 2,
      err: `error: merge ${rule.split(':')[0]} ${APART}\nhint: use init shared, or another rule\n`,
    })
  })

  it('by remerge, which has weights alone', async () => {
    const file = experiment('kept', { ...given, rounds: 1, keep: 'owners' })
    expect(await run(file, 'a')).toMatchObject({ code: 0 })
    const { code, out } = await fedunify(['remerge', at('kept', 'a'), '--rules', 'regmean,fisher', '--csv', '--quiet'])
    expect(code).toBe(0)
    for (const statistic of ['grams', 'fisher']) {
      expect(out).toContain(`it needs ${statistic} of the owners' images, which a run does not keep`)
    }
  })

  it('by merge, of files', async () => {
    const model = at('plain', 'a', 'model.safetensors')
    const args = ['merge', model, at('kept', 'a', 'model.safetensors'), '-o', join(folder, 'out.safetensors')]
    expect(await fedunify([...args, '--rule', 'regmean'])).toMatchObject({
      code: 2,
      err: "error: merge regmean: it needs grams of an owner's images\nhint: use it in a run: files do not have them\n",
    })
  })

  it('by a server of owners elsewhere, before it connects', async () => {
    const dir = join(folder, 'federation')
    expect(await runBinary(['federation', 'init', dir, '--owners', 'alice,bob'])).toMatchObject({ code: 0 })
    const served = await runBinary(['serve', experiment('served', given), '--federation', join(dir, 'server')])
    expect([served.code, served.err]).toEqual([
      2,
      expect.stringContaining(
        'error: merge regmean: owners on other machines do not hand in statistics of their images yet\nhint: use another rule, or run the experiment with all owners here\n',
      ),
    ])
  })
})
