import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadExperiment } from '../../src/config/load.ts'
import { EXPERIMENT_KEYS } from '../../src/config/schema.ts'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { processorSeconds } from '../support/processor-time.ts'

function write(text: string): string {
  const file = join(temporaryFolder(), 'exp.yaml')
  writeFileSync(file, text)
  return file
}

/** The line of one key, its columns apart. */
const row = (out: string, key: string) =>
  out
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/))
    .find(([first]) => first === key)
    ?.slice(1)

describe('fedunify config show', () => {
  it('says of every value where it comes from', async () => {
    const file = write('# an experiment\nlr: 0.3\nrounds: 7\nbatch: 32\nnormalise:\n  mean: 0.3\nmerge:\n  - avg\n')
    const { out, code } = await fedunify([
      'config',
      'show',
      file,
      '--set',
      'batch=16',
      '--set',
      'rounds=8',
      '--rounds',
      '9',
    ])
    expect(code).toBe(0)
    expect(row(out, 'lr')).toEqual(['0.3', `${file}:2`])
    expect(row(out, 'batch')).toEqual(['16', '--set batch'])
    expect(row(out, 'rounds')).toEqual(['9', '--rounds'])
    expect(row(out, 'normalise.mean')).toEqual(['0.3', `${file}:6`])
    expect(row(out, 'normalise.std')).toEqual(['0.353', 'default'])
    expect(row(out, 'merge')).toEqual(['[ avg ]', `${file}:8`])
    expect(row(out, 'optimizer')).toEqual(['sgd', 'default'])
    expect(row(out, 'name')).toEqual(['exp', 'derived'])
    expect(row(out, 'owners')).toEqual(['2', 'derived'])
    expect(row(out, 'workers')![1]).toBe('derived')
    expect(row(out, 'stop-at')).toEqual(['-', 'not set'])
    for (const key of EXPERIMENT_KEYS) expect(out).toMatch(new RegExp(`^ {2}${key}[. ]`, 'm'))
  })

  it('calls a value given where it equals the default', async () => {
    expect(row((await fedunify(['config', 'show', '--lr', '0.1', '--owners', '2'])).out, 'lr')).toEqual(['0.1', '--lr'])
  })

  it('gives each item of a long list a line of its own', async () => {
    const layer = '{ type: conv2d, filters: 32, kernel: 3, padding: same }'
    const file = write(`model: [${Array(6).fill(layer).join(', ')}, { type: flatten }]\n`)
    const { out } = await fedunify(['config', 'show', file])
    expect(row(out, 'model')).toEqual(['7 items', `${file}:1`])
    expect(out).toMatch(
      /\n {2}model .*\n( {4}- \{ type: conv2d, filters: 32, kernel: 3, padding: same \}\n){6} {4}- \{ type: flatten \}\n/,
    )
  })

  it.each([80, 60])('fits %i characters with the expectations of Table 3', async (width) => {
    const { out } = await fedunify(['config', 'show', 'experiments/table3.yaml'], { width })
    const text = out.replaceAll('experiments/table3.yaml', 'table3.yaml')
    for (const line of text.split('\n')) expect(line.trimEnd().length).toBeLessThanOrEqual(width)
    expect(out).toContain('    - { metric: unified, merge: avg, at: end, min: 0.925 }\n')
  })

  it('writes JSON with the values that a run would have', async () => {
    const file = write('env: dirichlet\nalpha: 0.3\nowners: 8\n')
    const { out } = await fedunify(['config', 'show', file, '--json', '--set', 'normalise.std=0.5'])
    const { settings, batch } = JSON.parse(out)
    expect(batch).toBe(false)
    expect(settings.env).toEqual({ value: 'dirichlet', from: 'file', place: `${file}:1` })
    expect(settings['env.dirichlet.alpha']).toEqual({ value: 0.3, from: 'file', place: `${file}:2` })
    expect(settings['normalise.std']).toEqual({ value: 0.5, from: 'set', place: '--set normalise.std' })
    expect(settings.data).toEqual({ value: null, from: 'not set', place: null })
    const { normalise, env, ...experiment } = await loadExperiment({ file, set: ['normalise.std=0.5'] })
    for (const [key, value] of Object.entries(experiment)) expect(settings[key].value, key).toEqual(value ?? null)
    expect(settings['normalise.mean'].value).toBe(normalise.mean)
  })

  it('takes seconds for the largest batch', async () => {
    const list = (n: number) => `[${Array.from({ length: n }, (_, i) => i + 1)}]`
    const file = write(`matrix: { lr: ${list(10)}, rounds: ${list(10)} }\nseeds: 100\n`)
    const took = await processorSeconds(async () => {
      const { out, code } = await fedunify(['config', 'show', file])
      expect(code).toBe(0)
      expect(out).toContain('is a batch of 10000 runs')
      expect(row(out, 'rounds')).toEqual(['see below', `${file}:1`])
    })
    expect(took).toBeLessThan(15)
  })

  it('shows the runs of a batch', async () => {
    const file = write('lr: 0.3\nmatrix:\n  env: [V, H]\n  init: [shared]\nseeds: 2\n')
    const { out, code } = await fedunify(['config', 'show', file, '--set', 'rounds=3'])
    expect(code).toBe(0)
    expect(out).toContain(`${file} is a batch of 4 runs: fedunify batch ${file}`)
    expect(row(out, 'env')).toEqual(['see below', `${file}:3`])
    expect(row(out, 'seed')).toEqual(['see below', `${file}:5`])
    expect(row(out, 'init')).toEqual(['shared', `${file}:4`])
    expect(row(out, 'rounds')).toEqual(['3', '--set rounds'])
    const table = out.split('\n').filter((line) => /-s\d-/.test(line))
    expect(table.map((line) => line.split(/ +/).slice(1))).toEqual([
      ['V', '0'],
      ['V', '1'],
      ['H', '0'],
      ['H', '1'],
    ])
    const { runs } = JSON.parse((await fedunify(['config', 'show', file, '--json'])).out)
    expect(runs[3].settings.seed).toEqual({ value: 1, from: 'file', place: `${file}:5` })
  })

  it('shows parts by name, and each of their options with its place', async () => {
    const file = write('env: dirichlet\nalpha: 0.3\nlr-schedule:\n  step:\n    rounds: 3\n')
    const { out } = await fedunify(['config', 'show', file, '--optimizer', 'momentum:momentum=0.5', '--merge', 'max'])
    expect(row(out, 'env')).toEqual(['dirichlet', `${file}:1`])
    expect(row(out, 'env.dirichlet.alpha')).toEqual(['0.3', `${file}:2`])
    expect(row(out, 'lr-schedule')).toEqual(['step', `${file}:4`])
    expect(row(out, 'lr-schedule.step.rounds')).toEqual(['3', `${file}:5`])
    expect(row(out, 'lr-schedule.step.factor')).toEqual(['0.1', 'default'])
    expect(row(out, 'optimizer')).toEqual(['momentum', '--optimizer'])
    expect(row(out, 'optimizer.momentum.momentum')).toEqual(['0.5', '--optimizer: momentum'])
    expect(row(out, 'merge')).toEqual(['[ max ]', '--merge'])
    expect(row((await fedunify(['config', 'show', file, '--env', 'H'])).out, 'env.dirichlet.alpha')).toBeUndefined()
  })

  it('shows the options of all runs of a batch', async () => {
    const file = write('matrix: { env: [V, dirichlet:alpha=1, { dirichlet: { alpha: 2 } }] }\n')
    const { out } = await fedunify(['config', 'show', file])
    expect(row(out, 'env.dirichlet.alpha')).toEqual(['see below', `${file}:1`])
    const table = out.split('\n').filter((line) => /-s\d-/.test(line))
    expect(table.map((line) => line.split(/ +/).slice(1))).toEqual([
      ['V', '-'],
      ['dirichlet', '1'],
      ['dirichlet', '2'],
    ])
  })

  it('shows the runs of a batch that flags choose, as run would do them', async () => {
    const file = write('seeds: 2\nmatrix: { env: [V, H] }\n')
    const two = await fedunify(['config', 'show', file, '--lr', '0.2', '--env', 'H'])
    expect(two).toMatchObject({ code: 0, err: '' })
    expect(two.out).toContain('is a batch of 2 runs')
    expect(row(two.out, 'lr')).toEqual(['0.2', '--lr'])
    const { out } = await fedunify(['config', 'show', file, '--seed', '7', '--env', 'H'])
    expect(out).toContain('is a batch of 1 run:')
    expect(row(out, 'seed')).toEqual(['7', '--seed'])
  })

  it('takes flags for a batch, as the batch does', async () => {
    const file = write('matrix: { env: [V, H] }\nseeds: 2\n')
    const { out } = await fedunify(['config', 'show', file, '--lr', '0.2', '--seeds', '1', '--set', 'env=H'])
    expect(out).toContain(`${file} is a batch of 1 run: `)
    expect(row(out, 'lr')).toEqual(['0.2', '--lr'])
    expect(row(out, 'env')).toEqual(['H', '--set env'])
    expect(row(out, 'seed')).toEqual(['0', '--seeds'])
  })

  it('shows the runs that a command line asks for by itself', async () => {
    const { out } = await fedunify([
      'config',
      'show',
      '--lr',
      '0.1,0.2',
      '--set',
      'momentum=[0.5]',
      '--optimizer',
      'momentum',
    ])
    expect(out).toContain('a batch of 2 runs: fedunify run, with these arguments')
    expect(row(out, 'lr')).toEqual(['see below', '--lr'])
    expect(row(out, 'optimizer.momentum.momentum')).toEqual(['0.5', '--set momentum'])
  })

  it.each([
    [['--lr', 'x'], '--lr: expected a number, got "x"'],
    [['--set', 'lrr=1'], '--set lrr: unknown key "lrr"'],
    [['none.yaml'], 'none.yaml: no such file'],
  ])('%j: the error of run', async (args, message) => {
    const shown = await fedunify(['config', 'show', ...args])
    expect(shown).toMatchObject({ code: 2, out: '', err: expect.stringContaining(message) })
    expect((await fedunify(['run', '--dry-run', ...args])).err).toBe(shown.err)
  })
})
