import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  accuracy,
  type ExperimentInput,
  errors,
  FedunifyError,
  mergeModels,
  mergeRules,
  type RunEvent,
  type RunOptions,
  readModel,
  readRun,
  runExperiment,
  type Weights,
} from '../../src/index.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { eventsOf, manifestOf } from '../support/run-folder.ts'

const { folder, experiment } = workshop()
const SMALL: ExperimentInput = {
  dataset: 'idx',
  data: join(folder, 'idx'),
  model: 'mlp',
  rounds: 2,
  batch: 32,
  lr: 0.05,
  device: 'cpu',
}

async function collect(given: ExperimentInput = {}, options: RunOptions = {}) {
  const events: RunEvent[] = []
  try {
    for await (const event of runExperiment({ ...SMALL, ...given }, options)) events.push(event)
    return { events, error: undefined }
  } catch (error) {
    return { events, error }
  }
}

const types = (events: readonly RunEvent[]) =>
  events.map(({ type }) => type).filter((type) => type !== 'owner-progress')
const values = (weights: Weights) =>
  [...weights].map(([name, { data }]) => [name, Buffer.from(data.buffer).toString('hex')])

describe('runExperiment', () => {
  it('takes a merge rule of the user’s own by its file', async () => {
    const run = join(temporaryFolder(), 'a')
    const merge = ['avg', { './examples/my-rule.mjs': { p: 0.4 } }]
    const { error } = await collect({ merge, rounds: 1 }, { folder: run })
    expect(error).toBeUndefined()
    expect(manifestOf(run).merge_rules['my-rule'].file).toBe('my-rule.mjs')
    expect((await readRun(run)).series.has('my-rule')).toBe(true)
    const { error: refused } = await collect({ merge: './gone.mjs' })
    expect(refused).toMatchObject({ code: 'E_RULE_FILE', message: 'experiment.merge: ./gone.mjs: no such file' })
  })

  it('gives the events of a run, and writes nothing if no folder is named', async () => {
    const { events, error } = await collect({ owners: 3, merge: ['avg', 'max'] })
    expect(error).toBeUndefined()
    const round = ['owner-trained', 'owner-trained', 'owner-trained', 'round-finished']
    expect(types(events)).toEqual(['started', ...round, ...round, 'finished'])
    const last = events.findLast((event) => event.type === 'round-finished')!
    expect(last.merges.map(({ merge }) => merge)).toEqual(['avg', 'max'])
    expect(accuracy(last.merges[0]!.unified!)).toBeGreaterThan(0.2)
    expect(existsSync(join(folder, 'results'))).toBe(false)
  })

  it('writes the folder that the command line writes', async () => {
    const file = experiment('library-run', { rounds: 2, merge: ['avg', 'max'], server: 'avgm' })
    const { code } = await fedunify(['run', file, '--run-id', 'cli', '--quiet'])
    expect(code).toBe(0)
    const written = join(folder, 'results', 'library-run', 'cli')
    const { config } = manifestOf(written)
    const mine = join(temporaryFolder(), 'mine')
    // A manifest has the last part of the data's path alone, where that lies elsewhere.
    const { events } = await collect({ ...config, data: join(folder, 'idx') }, { folder: mine })
    for (const name of ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']) {
      expect(readFileSync(join(mine, name)).equals(readFileSync(join(written, name))), name).toBe(true)
    }
    expect(eventsOf(mine).map(({ type }: { type: string }) => type)).toEqual(types(events))
    const run = await readRun(mine)
    expect(run).toMatchObject({ finished: true, rounds: 2, manifest: { config_hash: manifestOf(written).config_hash } })
    const last = events.findLast((event) => event.type === 'round-finished')!
    expect(values(await readModel(mine))).toEqual(values(last.weights))
    expect(run.series.get('avg')!.at(-1)!.accuracy).toBeCloseTo(accuracy(last.merges[0]!.unified!), 12)
  })

  it('gives weights that stay as they are while the run goes on', async () => {
    const kept: { weights: Weights; before: unknown }[] = []
    for await (const event of runExperiment({ ...SMALL, rounds: 5 })) {
      if (event.type === 'round-finished') kept.push({ weights: event.weights, before: values(event.weights) })
    }
    expect(kept.map(({ weights }) => values(weights))).toEqual(kept.map(({ before }) => before))
  })

  it('is interrupted if nobody reads on, and goes on from its last complete round', async () => {
    const mine = join(temporaryFolder(), 'mine')
    const whole = join(temporaryFolder(), 'whole')
    const given = { ...SMALL, rounds: 4, server: 'adam' as const }
    await collect(given, { folder: whole })
    for await (const event of runExperiment(given, { folder: mine })) {
      if (event.type === 'round-finished' && event.round === 2) break
    }
    expect(manifestOf(mine)).toMatchObject({
      status: 'interrupted',
      rounds: 2,
      reason: 'its events were not read to the end',
    })
    const { events } = await collect(given, { folder: mine, resume: true })
    expect(events[0]).toMatchObject({ type: 'started', done: 2 })
    expect(readFileSync(join(mine, 'table.csv'), 'utf8')).toBe(readFileSync(join(whole, 'table.csv'), 'utf8'))
    expect(readFileSync(join(mine, 'model.onnx')).equals(readFileSync(join(whole, 'model.onnx')))).toBe(true)
  })

  it('ends with a failed event and E_INTERRUPTED if its signal is aborted, with whatever reason', async () => {
    const mine = join(temporaryFolder(), 'mine')
    const controller = new AbortController()
    const events: RunEvent[] = []
    const running = (async () => {
      for await (const event of runExperiment({ ...SMALL, rounds: 50 }, { folder: mine, signal: controller.signal })) {
        events.push(event)
        if (event.type === 'round-finished') controller.abort()
      }
    })()
    await expect(running).rejects.toMatchObject({ code: 'E_INTERRUPTED', kind: 'interrupted' })
    expect(events.at(-1)).toMatchObject({ type: 'failed', code: 'E_INTERRUPTED' })
    expect(manifestOf(mine)).toMatchObject({ status: 'interrupted' })
  })

  it('says what is wrong with an experiment by its place in the object', async () => {
    const error = async (given: object) => (await collect(given as ExperimentInput)).error as FedunifyError
    expect(await error({ lr: -1 })).toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining('experiment.lr'),
    })
    expect(await error({ merge: ['avg', { 'trimmed-mean': { bta: 1 } }] })).toMatchObject({
      message: expect.stringContaining('experiment.merge.1.trimmed-mean.bta'),
      hint: expect.stringContaining('beta'),
    })
    expect(await error({ momentum: 0.5 })).toMatchObject({ code: 'E_PART_NOT_CHOSEN' })
    expect(await error({ rounds: undefined })).toBeUndefined()
    const none = runExperiment([] as unknown as ExperimentInput).next()
    await expect(none).rejects.toMatchObject({ code: 'E_CONFIG', message: /^experiment: expected an object, got/ })
  })

  it('tells of a failure as data, and then throws it', async () => {
    const { events, error } = await collect({ lr: 1e9 })
    expect(error).toBeInstanceOf(FedunifyError)
    expect(error).toMatchObject({ code: 'E_DIVERGED', place: { round: 1 } })
    expect(events.at(-1)).toMatchObject({ type: 'failed', code: 'E_DIVERGED', round: 1 })
    expect(errors.E_DIVERGED.kind).toBe('training')
  })
})

describe('mergeModels', () => {
  const owners = [1, 2, 6].map((value, i) => ({
    owner: i + 1,
    trainImages: i + 1,
    weights: new Map([['w', { shape: [1], data: Float32Array.of(value) }]]),
  }))

  it.each([
    ['avg', {}, 3],
    ['weighted-avg', {}, 23 / 6],
    ['median', {}, 2],
    ['trimmed-mean', { beta: 0.34 }, 2],
  ] as const)('merges models outside of a run by %s', (rule, options, expected) => {
    expect(mergeModels(rule, owners, options).get('w')!.data[0]).toBe(Math.fround(expected))
    expect(Object.keys(mergeRules)).toContain(rule)
  })

  it('takes the model that they were trained from, for rules that need it', () => {
    const base = new Map([['w', { shape: [1], data: Float32Array.of(1) }]])
    // Changes of 0, 1 and 5: those that are not 0 are averaged.
    expect(mergeModels('ties', owners, { density: 1 }, base).get('w')!.data[0]).toBe(4)
    expect(() => mergeModels('ties', owners)).toThrow('it goes on from the model that all owners received')
  })

  it('refuses none', () => expect(() => mergeModels('avg', [])).toThrow('there are no owners to merge'))
})

/** A folder in which this package is installed. */
function installed(): string {
  const dir = temporaryFolder()
  mkdirSync(join(dir, 'node_modules'))
  symlinkSync(resolve('.'), join(dir, 'node_modules', 'fedunify'))
  symlinkSync(resolve('node_modules/@types'), join(dir, 'node_modules', '@types'))
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }')
  return dir
}

describe('the package', () => {
  it('has types that a strict project takes without skipping their check', { timeout: 60_000 }, () => {
    const dir = installed()
    writeFileSync(
      join(dir, 'consumer.ts'),
      `import { accuracy, type ExperimentInput, type MergeRule, readRun, runExperiment } from 'fedunify'
const experiment: ExperimentInput = {
  env: { dirichlet: { alpha: 0.3 } },
  merge: ['avg', { 'trimmed-mean': { beta: 0.2 } }, 'trimmed-mean:beta=0.1'],
  server: { adam: { lr: 0.01 } },
  'lr-schedule': { step: { rounds: 10 } },
}
for await (const event of runExperiment(experiment, { signal: AbortSignal.timeout(1) })) {
  if (event.type === 'round-finished') {
    const share: number = accuracy(event.merges[0]!.unified!)
    console.log(share, event.weights.get('w')?.data.length)
  } else if (event.type === 'failed') console.log(event.code === 'E_DISK_FULL')
}
const rounds: number = (await readRun('results/mine')).rounds
// @ts-expect-error: no such key
const wrong: ExperimentInput = { leraning: 1 }
// @ts-expect-error: no such option
const other: ExperimentInput = { env: { dirichlet: { beta: 1 } } }
export const used: [number, ExperimentInput, ExperimentInput, MergeRule | undefined] = [rounds, wrong, other, undefined]
`,
    )
    const options = ['--strict', '--noEmit', '--target', 'es2023', '--module', 'nodenext', '--types', 'node']
    const tsc = resolve('node_modules/.bin/tsc')
    expect(execFileSync(tsc, [...options, 'consumer.ts'], { cwd: dir, encoding: 'utf8' })).toBe('')
  })

  it('runs what the README shows', { timeout: 60_000 }, () => {
    const dir = installed()
    const [, shown = ''] = /```js\n(.*?)```/s.exec(readFileSync('README.md', 'utf8'))!
    const small = `{ dataset: 'idx', data: ${JSON.stringify(join(folder, 'idx'))}, model: 'mlp', env:`
    const program = join(dir, 'readme.mjs')
    writeFileSync(program, shown.replace('{ env:', small))
    const out = execFileSync(process.execPath, [program], { cwd: dir, encoding: 'utf8' })
    expect(out).toMatch(/^1 [01](\.\d+)?\n2 [01](\.\d+)?\n3 [01](\.\d+)?\n$/)
  })

  it('runs its example', { timeout: 60_000 }, () => {
    const dir = installed()
    const program = join(dir, 'library.mjs')
    writeFileSync(program, readFileSync('examples/library.mjs'))
    const out = execFileSync(process.execPath, [program, join(folder, 'idx'), join(dir, 'out')], { encoding: 'utf8' })
    expect(out).toMatch(/^round 1: weighted-avg \d+\.\d\d %, median \d+\.\d\d %\nround 2: /)
    expect(out).toContain('2 rounds, 3 owners, config ')
    expect(out).toContain('as many as the last model: true')
  })
})
