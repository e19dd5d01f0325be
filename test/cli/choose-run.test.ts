import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { planSweep } from '../../src/batch/plan.ts'
import { loadExperiment } from '../../src/config/load.ts'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'

function write(text: string, name = 'exp.yaml'): string {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, text)
  return file
}

const MATRIX =
  'rounds: 3\nseeds: 2\nmatrix:\n  env: [V, { dirichlet: { alpha: 0.3 } }]\n  merge: [[avg, max], max]\n  lr: [0.1]\n'

/** The words of the command that a hint gives. */
function suggested(err: string): string[] {
  const [, line = ''] = /for example: fedunify (.*)/.exec(err) ?? []
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!)
}

describe('run, with a file that makes several runs', () => {
  it('takes the run that flags and --set choose', async () => {
    const file = write(MATRIX)
    expect(
      await loadExperiment({ file, set: ['merge=max'], flags: { env: 'dirichlet:alpha=0.5', seed: '7' } }),
    ).toMatchObject({ env: { dirichlet: { alpha: 0.5 } }, merge: ['max'], seed: 7, lr: 0.1, rounds: 3, name: 'exp' })
    expect(await loadExperiment({ file, set: ['seed=0', 'env=V', 'merge=max', 'lr=0.5'] })).toMatchObject({
      env: 'V',
      seed: 0,
      lr: 0.5,
    })
  })

  it('says which keys vary, their values, and a command that works', async () => {
    const file = write(MATRIX, 'my exp.yaml')
    const { code, out, err } = await fedunify(['run', file, '--dry-run', '--rounds', '2', '--set', 'lr=0.2'])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err.split('\n')).toEqual([
      `error: ${file}: makes 8 runs: choose one`,
      'hint: they differ in:',
      '  env: V | dirichlet:alpha=0.3',
      '  merge: avg,max | max',
      '  seed: 0 | 1',
      `for example: fedunify run '${file}' --set lr=0.2 --rounds 2 --set env=V --set merge=avg,max --set seed=0`,
      `or run all: fedunify batch '${file}'`,
      '',
    ])
    const [command, named, ...rest] = suggested(err)
    expect(command).toBe('run')
    const set = rest.flatMap((word, i) => (rest[i - 1] === '--set' ? [word] : []))
    expect(await loadExperiment({ file: named, set, flags: { rounds: '2' } })).toMatchObject({
      env: 'V',
      merge: ['avg', 'max'],
      seed: 0,
      lr: 0.2,
      rounds: 2,
    })
  })

  it.each(['alpha=0.3', 'env.dirichlet.alpha=0.3'])('knows an option by both of its keys: %s', async (pair) => {
    for (const key of ['alpha', 'env.dirichlet.alpha']) {
      const file = write(`env: dirichlet\nmatrix: { ${key}: [0.1, 0.3, 1] }\n`)
      expect(await loadExperiment({ file, set: [pair] })).toMatchObject({ env: { dirichlet: { alpha: 0.3 } } })
    }
  })

  it('lists an option beside the part that has it, and chooses a run in which both have something to do', async () => {
    const file = write('matrix: { env: [V, dirichlet], alpha: [0.3, 1] }\n')
    const { err } = await fedunify(['run', file, '--dry-run'])
    expect(err).toContain(`${file}: makes 3 runs: choose one\n`)
    expect(err).toContain('  env: V | dirichlet\n  alpha: 0.3 | 1\n')
    expect(err).toContain(`for example: fedunify run ${file} --set env=V\n`)
    const dirichlet = await fedunify(['run', file, '--dry-run', '--env', 'dirichlet'])
    expect(dirichlet.err).toContain(`for example: fedunify run ${file} --env dirichlet --set alpha=0.3\n`)
    expect(await loadExperiment({ file, set: ['alpha=1'], flags: { env: 'dirichlet' } })).toMatchObject({
      env: { dirichlet: { alpha: 1 } },
    })
  })

  it('is a batch where the command line asks for several, and a seed is still the seed', async () => {
    const file = write('seeds: 3\nmatrix: { lr: [0.1, 0.2], env: [V, H] }\n')
    const seeds = async (...more: string[]) => {
      const { out } = await fedunify(['config', 'show', file, '--json', '--env', 'V', ...more])
      const { runs } = JSON.parse(out)
      const planned = await planSweep(file, more.includes('--seeds') ? ['lr=0.5'] : ['lr=0.5,0.6'], {
        flags: { env: 'V', seed: '4', ...(more.includes('--seeds') && { seeds: '2' }) },
      })
      const shown = (runs as { settings: Record<string, { value: unknown }> }[]).map(({ settings }) => [
        settings.lr!.value,
        settings.seed!.value,
      ])
      expect(planned.map(({ experiment }) => [experiment.lr, experiment.seed])).toEqual(shown)
      return shown
    }
    expect(await seeds('--seed', '4', '--set', 'lr=0.5,0.6')).toEqual([
      [0.5, 4],
      [0.6, 4],
    ])
    expect(await seeds('--seed', '4', '--seeds', '2', '--set', 'lr=0.5')).toEqual([
      [0.5, 4],
      [0.5, 5],
    ])
  })

  it('takes a file that makes but one, and lists no more than some values', async () => {
    expect(await loadExperiment({ file: write('seed: 4\nseeds: 1\n') })).toMatchObject({ seed: 4 })
    expect(await loadExperiment({ file: write('matrix: { lr: [0.3] }\n') })).toMatchObject({ lr: 0.3 })
    await expect(loadExperiment({ file: write('seeds: 20\n') })).rejects.toMatchObject({
      code: 'E_SEVERAL_RUNS',
      hint: expect.stringContaining('  seed: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | … 12 more\n'),
    })
  })

  it('takes each table of the paper, one seed at a time', async () => {
    for (const table of ['table3', 'table4', 'table3-separate', 'table4-separate', 'pooled']) {
      const file = `experiments/${table}.yaml`
      const one = loadExperiment({
        file,
        set: ['lr=0.05'],
        flags: { seed: '1', env: 'V', merge: 'avg', init: 'shared' },
      })
      expect(await one).toMatchObject({ name: table, seed: 1, lr: 0.05 })
    }
  })
})
