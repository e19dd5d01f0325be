import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fg from 'fast-glob'
import { describe, expect, it, test } from 'vitest'
import { stringify } from 'yaml'
import { configHash, decisive } from '../../src/config/hash.ts'
import { loadExperiment } from '../../src/config/load.ts'
import { isOldConfig, oldConfigHash, upgradeConfig } from '../../src/config/old-config.ts'
import { readManifest } from '../../src/runs/manifest.ts'
import { temporaryFolder } from '../support/folder.ts'

const manifestIn = (file: string) => JSON.parse(readFileSync(file, 'utf8'))
/** Those of before options stood with their parts. */
const FILES = fg
  .sync(['results/reference/*/*/manifest.json', 'test/earlier/*/*/manifest.json'])
  .filter((file) => manifestIn(file).fedunify < '0.4')

describe.each(FILES)('%s', (file) => {
  const manifest = manifestIn(file)

  it('is read in the form of today', async () => {
    expect(isOldConfig(manifest.config)).toBe(true)
    expect(oldConfigHash(manifest.config)).toBe(manifest.config_hash)
    const { config } = await readManifest(dirname(file))
    expect(config).toEqual(upgradeConfig(manifest.config))
    // Versions before 0.3 knew neither devices nor layouts.
    const { device = 'auto', layout = 'auto' } = manifest.config
    const yaml = join(temporaryFolder(), 'config.yaml')
    writeFileSync(yaml, stringify(config))
    expect(await loadExperiment({ file: yaml })).toEqual({ ...config, device, layout })
  })

  it('is refused if its config was edited', async () => {
    const dir = temporaryFolder()
    for (const edit of [{ lr: 9 }, { momentum: 0.1 }, { 'lr-step-rounds': 3 }]) {
      const config = { ...manifest.config, ...edit }
      writeFileSync(join(dir, 'manifest.json'), JSON.stringify({ ...manifest, config }))
      await expect(readManifest(dir)).rejects.toThrow('config does not match config_hash')
    }
  })
})

test('there are runs of three versions', () => {
  expect(new Set(FILES.map((file) => manifestIn(file).fedunify))).toEqual(new Set(['0.1.0', '0.2.0', '0.3.0']))
})

test('an old run and a new one of the same experiment have the same settings', async () => {
  const { config } = await readManifest('test/earlier/0.3.0/H')
  const today = await loadExperiment({ flags: { env: 'H', merge: 'avg' } })
  expect(decisive(config)).toEqual(decisive(today))
  expect(configHash(config)).toBe(configHash(today))
})

describe('options of version 0.4', () => {
  const OLD = manifestIn('test/earlier/0.3.0/H/manifest.json').config

  it.each<[object, object]>([
    [{ env: 'dirichlet', alpha: 0.3 }, { env: { dirichlet: { alpha: 0.3 } } }],
    [{ env: 'labels', labels: [[0], [1]] }, { env: { labels: { lists: [[0], [1]] } } }],
    [{ optimizer: 'momentum', momentum: 0.5 }, { optimizer: { momentum: { momentum: 0.5 } } }],
    [{ optimizer: 'adam' }, { optimizer: 'adam' }],
    [{ 'lr-schedule': 'step' }, { 'lr-schedule': { step: { rounds: 10, factor: 0.1 } } }],
    [{ 'until-local-accuracy': 0.9 }, { 'until-local-accuracy': 0.9, 'max-local-epochs': 20 }],
  ])('%j become %j', (given, expected) => {
    const upgraded = upgradeConfig({ ...OLD, ...given })
    expect(upgraded).toMatchObject(expected)
    const flat = ['labels', 'alpha', 'momentum', 'lr-step-rounds', 'lr-step-factor']
    expect(Object.keys(upgraded).filter((key) => flat.includes(key))).toEqual([])
    expect('local-epochs' in upgraded).toBe(!('until-local-accuracy' in given))
  })
})
