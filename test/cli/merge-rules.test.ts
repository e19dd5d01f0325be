import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configHash } from '../../src/config/hash.ts'
import { loadExperiment } from '../../src/config/load.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { manifestOf, rowsOf } from '../support/run-folder.ts'

const { experiment, folder } = workshop()

describe('a rule that is another one in disguise', () => {
  it.each([
    ['median', { owners: 2 }, 'merge median: the median of 2 is their mean, which is the rule avg'],
    ['trimmed-mean', { owners: 9 }, 'merge trimmed-mean: beta 0.1 trims none of 9 owners, which is the rule avg'],
  ])('%s is refused before anything is loaded or written', async (rule, settings, message) => {
    const file = experiment('disguise', { ...settings, merge: ['avg', rule] })
    for (const args of [[file], [file, '--dry-run']]) {
      const { code, out, err } = await fedunify(['run', ...args])
      expect({ code, out }).toEqual({ code: 2, out: '' })
      expect(err).toBe(`error: ${message}\nhint: use that rule, other options or another number of owners\n`)
    }
  })
})

it('median and trimmed-mean run beside avg, on the same local models', { timeout: 120_000 }, async () => {
  const merge = ['avg', 'median', 'trimmed-mean']
  const file = experiment('robust', { owners: 10, rounds: 1, merge })
  const { code, out } = await fedunify(['run', file, '--json'])
  expect(code).toBe(0)
  const finished = out.split('\n').find((line) => line.includes('"round-finished"'))
  const { merges } = JSON.parse(finished!) as { merges: { merge: string; unified: { correct: number } }[] }
  expect(merges.map((one) => one.merge)).toEqual(merge)
  for (const { unified } of merges) expect(unified.correct).toBeGreaterThan(0)
})

describe('a rule that cannot be used', () => {
  const OTHERWISE = 'hint: use another rule, other options or another number of owners\n'
  it.each<[string, object, string]>([
    ['krum', {}, 'merge krum: with f 1 it needs 5 owners or more (2f + 3), there are 2'],
    ['bulyan:f=2', { owners: 10 }, 'merge bulyan: with f 2 it needs 11 owners or more (4f + 3), there are 10'],
    ['slerp', { owners: 3 }, 'merge slerp: it is between two owners, there are 3'],
    [
      'layers:rules={conv*=krum}',
      { owners: 4 },
      'merge layers: conv*: krum: with f 1 it needs 5 owners or more (2f + 3), there are 4',
    ],
    [
      'layers:rules={lstm*=max}',
      {},
      'merge layers: no tensor is called lstm*; there are conv1.weight, conv1.bias, dense1.weight, dense1.bias',
    ],
    ['layers:rules={conv*=class-rows}', {}, 'merge layers: class-rows: the model has no dense layer'],
  ])('%s is refused', async (rule, settings, message) => {
    const { code, out, err } = await fedunify(['run', experiment('refused', settings), '--merge', rule])
    expect({ code, out, err }).toEqual({ code: 2, out: '', err: `error: ${message}\n${OTHERWISE}` })
  })

  it.each(['ties', 'layers:rules={conv*=ties}'])('%s is refused if owners have no model in common', async (rule) => {
    const { code, err } = await fedunify(['run', experiment('own', { init: 'independent' }), '--merge', rule])
    expect(code).toBe(2)
    expect(err).toMatch(
      /^error: merge (ties|layers) goes on from the model that all owners received, but with init independent each has its own\n/,
    )
  })

  it('asks for what it must be told', async () => {
    expect((await fedunify(['run', experiment('told'), '--merge', 'clipped-avg'])).err).toBe(
      "error: --merge: merge clipped-avg needs bound: largest length (L2, over all tensors) of an owner's change in a round\n" +
        'hint: for example --set "merge.clipped-avg.bound=1"\n',
    )
    expect((await fedunify(['run', experiment('told'), '--merge', 'layers'])).err).toContain(
      `hint: for example --set 'merge.layers.rules={"conv*":"avg","dense*":"median"}'\n`,
    )
    expect((await fedunify(['run', experiment('told'), '--merge', 'layers:rules={conv*=kumr}'])).err).toMatch(
      /^error: --merge: rules: expected one of avg, .*, got "kumr"\nhint: did you mean krum\?\n$/,
    )
  })
})

const mergesOf = (out: string) => {
  const finished = out.split('\n').find((line) => line.includes('"round-finished"'))
  return (JSON.parse(finished!) as { merges: { merge: string; unified: { correct: number } }[] }).merges
}

it('every rule for seven owners runs beside avg', { timeout: 120_000 }, async () => {
  const merge = [
    ...['avg', 'geometric-median', 'krum', 'multi-krum', 'bulyan', 'task-arithmetic', 'ties', 'dare', 'class-rows'],
    { 'clipped-avg': { bound: 0.5 } },
    { layers: { rules: { 'conv*': 'trimmed-mean:beta=0.2', 'dense1.*': { ties: { density: 0.5 } } } } },
  ]
  const { code, out, err } = await fedunify(['run', experiment('all', { owners: 7, rounds: 1, merge }), '--json'])
  expect(code, err).toBe(0)
  const named = merge.map((one) => (typeof one === 'string' ? one : Object.keys(one)[0]))
  expect(mergesOf(out).map((one) => one.merge)).toEqual(named)
  for (const { unified } of mergesOf(out)) expect(unified.correct).toBeGreaterThan(0)
})

it('dare drives a run that goes on to the bytes of one that was not stopped', { timeout: 120_000 }, async () => {
  const file = experiment('dare', { rounds: 3, merge: [{ dare: { combine: 'ties', seed: 5 } }, 'slerp'], workers: 1 })
  const model = (id: string) => readFileSync(join(folder, 'results', 'dare', id, 'model.safetensors'))
  await fedunify(['run', file, '--run-id', 'whole', '--quiet'])
  await fedunify(['run', file, '--run-id', 'cut', '--stop-after', '1', '--quiet'])
  expect(model('cut').equals(model('whole'))).toBe(false)
  expect(await fedunify(['run', '--resume', join(folder, 'results', 'dare', 'cut'), '--quiet'])).toMatchObject({
    code: 0,
  })
  expect(model('cut').equals(model('whole'))).toBe(true)
})

describe('last-rounds', () => {
  it('is scored beside the rule that drives, the same after a break', { timeout: 120_000 }, async () => {
    const file = experiment('last', { rounds: 4, merge: ['avg', { 'last-rounds': { rounds: 3 } }], workers: 1 })
    const run = (id: string) => join(folder, 'results', 'last', id)
    await fedunify(['run', file, '--run-id', 'whole', '--quiet'])
    await fedunify(['run', file, '--run-id', 'cut', '--stop-after', '2', '--quiet'])
    expect(await fedunify(['run', '--resume', run('cut'), '--quiet'])).toMatchObject({ code: 0 })
    const table = (id: string) => readFileSync(join(run(id), 'unified.csv'), 'utf8')
    expect(table('cut')).toBe(table('whole'))
    const loss = (round: string, merge: string) =>
      rowsOf(run('whole'), 'unified.csv').find((row) => row.round === round && row.merge === merge)!.loss
    // The mean of one round's model is that model.
    expect(loss('1', 'last-rounds')).toBe(loss('1', 'avg'))
    expect(loss('2', 'last-rounds')).not.toBe(loss('2', 'avg'))
  })

  it('drives no run', async () => {
    const { code, err } = await fedunify(['run', experiment('last'), '--merge', 'last-rounds,avg'])
    expect(code).toBe(2)
    expect(err).toBe(
      'error: merge last-rounds is only evaluated, so it cannot drive a run\n' +
        'hint: name the rule that drives it first, as in avg,last-rounds\n',
    )
  })
})

it('layers is written in one word, in --set and in a file, for the same run', async () => {
  const inFile = { layers: { rules: { 'conv*': { 'trimmed-mean': { beta: 0.4 } }, '*.bias': 'max' } } }
  const ways = [
    ['--merge', 'avg,layers:rules={conv*=trimmed-mean:beta=0.4,"*.bias=max"}:otherwise=avg'],
    ['--merge', 'avg,layers', '--set', 'merge.layers.rules={conv*: {trimmed-mean: {beta: 0.4}}, "*.bias": max}'],
    ['--set', `merge=["avg",${JSON.stringify(inFile)}]`],
  ]
  const hashes = ways.map(async (args) => {
    const [file, set, flags] = [experiment('one'), args.filter((_, i) => args[i - 1] === '--set'), args[1]!]
    return configHash(await loadExperiment({ file, set, flags: args[0] === '--merge' ? { merge: flags } : {} }))
  })
  const [first, ...others] = await Promise.all(hashes)
  const written = await loadExperiment({ file: experiment('one', { merge: ['avg', inFile] }), set: [], flags: {} })
  expect(others).toEqual([first, first])
  expect(configHash(written)).toBe(first)
})

it('class-rows takes the rows of the owner that has the class', { timeout: 120_000 }, async () => {
  const file = experiment('rows', { env: 'H', rounds: 1, merge: ['class-rows', 'avg'] })
  const { code, err } = await fedunify(['run', file, '--run-id', 'a', '--quiet'])
  expect(code, err).toBe(0)
  const run = join(folder, 'results', 'rows', 'a')
  const { shards } = manifestOf(run) as { shards: { train_labels: number[] }[] }
  expect(shards.map(({ train_labels }) => train_labels.map((n) => n > 0))).toEqual([
    [true, true, false, false],
    [false, false, true, true],
  ])
  const rows = rowsOf(run, 'unified.csv').map(({ merge, accuracy }) => [merge, Number(accuracy)] as const)
  expect(rows.map(([merge]) => merge)).toEqual(['class-rows', 'avg'])
})
