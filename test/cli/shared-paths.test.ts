import { cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { loadExperiment } from '../../src/config/load.ts'
import { execute } from '../../src/run/execute.ts'
import { inThisProcess } from '../../src/run/participants.ts'
import { prepareRun } from '../../src/run/prepare.ts'
import { readCheckpoint } from '../../src/runs/checkpoint.ts'
import { sharedPath } from '../../src/system/shared-path.ts'
import { runBinary } from '../support/binary.ts'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { manifestOf, readText } from '../support/run-folder.ts'

const { folder, experiment } = workshop()
const idx = join(folder, 'idx')
const file = experiment('shared', { rounds: 3 })
const run = (id: string) => join(folder, 'results', 'shared', id)

/** Files of a folder in which a path stands. */
const namedIn = (dir: string, path: string) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((name) => readFileSync(name, 'latin1').includes(path))
    .map((name) => relative(dir, name))

/** A run that was interrupted after its first round. */
async function broken(id: string): Promise<void> {
  const prepared = await prepareRun(await loadExperiment({ file }))
  for await (const event of execute(inThisProcess(prepared), { path: run(id) })) {
    if (event.type === 'round-finished') return
  }
}

describe('sharedPath', () => {
  it('is relative in the current folder, and elsewhere the last part of a path', () => {
    expect(sharedPath('data/x')).toBe('data/x')
    expect(sharedPath('../x')).toBe('../x')
    expect(sharedPath(join(process.cwd(), 'data', 'x'))).toBe(join('data', 'x'))
    expect(sharedPath(process.cwd())).toBe('.')
    expect(sharedPath('/home/somebody/images')).toBe('images')
    expect(sharedPath('/')).toBe('/')
  })
})

describe('files that people share', () => {
  it('do not say where things lie on a machine', async () => {
    expect((await runBinary(['run', file, '--run-id', 'whole', '--quiet'])).code).toBe(0)
    await fedunify(['report', run('whole')])
    for (const form of ['csv', 'parquet', 'tensorboard']) await fedunify(['export', run('whole'), '--to', form])
    expect(namedIn(run('whole'), folder)).toEqual(['checkpoint.safetensors'])
    expect(manifestOf(run('whole'))).toMatchObject({
      config: { data: 'idx', out: 'results' },
      dataset: { source: 'idx' },
    })
    expect(parse(readText(run('whole'), 'config.yaml'))).toMatchObject({ data: 'idx', out: 'results' })
    expect(readText(run('whole'), 'report.html')).toContain('<code>idx</code>')
  })

  it('nor does a run that failed, of its own folder', async () => {
    const failing = experiment('failing', { rounds: 3, lr: 1e30 })
    expect((await runBinary(['run', failing, '--run-id', 'a', '--quiet'])).code).toBe(4)
    expect(namedIn(join(folder, 'results', 'failing', 'a'), folder)).toEqual(['checkpoint.safetensors'])
  })

  it('the report hides the folders of an older run too', async () => {
    const old = join(temporaryFolder(), 'old')
    cpSync(run('whole'), old, { recursive: true })
    const manifest = readText(old, 'manifest.json')
    writeFileSync(
      join(old, 'manifest.json'),
      manifest.replaceAll('"idx"', JSON.stringify(idx)).replace(`"name": ${JSON.stringify(idx)}`, '"name": "idx"'),
    )
    await fedunify(['report', old])
    expect(readText(old, 'report.html')).not.toContain(folder)
  })
})

describe('a run goes on with its data', () => {
  it('that its config does not name, from any folder', async () => {
    await broken('again')
    expect(parse(readText(run('again'), 'config.yaml')).data).toBe('idx')
    const ended = await runBinary(['run', '--resume', run('again'), '--dry-run'], { cwd: temporaryFolder() })
    expect(ended, ended.err).toMatchObject({ code: 0 })
    const { data, round } = (await readCheckpoint(run('again')))!
    expect(data).toBe(idx)
    expect(round).toBe(1)
  }, 60_000)

  it('that were moved, if they are named', async () => {
    const moved = join(temporaryFolder(), 'moved')
    cpSync(idx, moved, { recursive: true })
    const away = `${idx}-away`
    renameSync(idx, away)
    try {
      const lost = await runBinary(['run', '--resume', run('again'), '--dry-run'])
      expect([lost.code, lost.err]).toEqual([3, expect.stringContaining(`data folder ${basename(idx)}`)])
      const found = await runBinary(['run', '--resume', run('again'), '--dry-run', '--data', moved])
      expect(found, found.err).toMatchObject({ code: 0 })
    } finally {
      renameSync(away, idx)
    }
  }, 60_000)

  it('that an older config names absolutely', async () => {
    const old = join(temporaryFolder(), 'old')
    cpSync(run('again'), old, { recursive: true })
    const config = parse(readText(old, 'config.yaml'))
    writeFileSync(join(old, 'config.yaml'), stringify({ ...config, data: idx, out: join(folder, 'results') }))
    const ended = await runBinary(['run', '--resume', old, '--dry-run'], { cwd: temporaryFolder() })
    expect(ended, ended.err).toMatchObject({ code: 0 })
  }, 60_000)
})
