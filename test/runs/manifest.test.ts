import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { configHash } from '../../src/config/hash.ts'
import { readManifest } from '../../src/runs/manifest.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/invented-run.ts'
import { edit } from '../support/written-run.ts'

const OPTIONS = { env: { dirichlet: { alpha: 0.5 } }, 'lr-schedule': 'step', 'lr-step-rounds': 3, rounds: 2 }

function written(config: Record<string, unknown> = OPTIONS): { dir: string; file: string } {
  const dir = join(temporaryFolder(), 'run')
  writeRun(dir, { config })
  return { dir, file: join(dir, 'manifest.json') }
}

it('a manifest holds each part with its options', async () => {
  const { config } = await readManifest(written().dir)
  expect(config).toMatchObject({
    env: { dirichlet: { alpha: 0.5 } },
    optimizer: 'sgd',
    'lr-schedule': { step: { rounds: 3, factor: 0.1 } },
  })
})

it.each([
  ['"alpha": 0.5', '"alpha": 0.4', 'config does not match config_hash'],
  ['"factor": 0.1', '"factor": 0.2', 'config does not match config_hash'],
  ['"T-shirt/top",', '', 'the label counts of owner 1 do not fit the class names of the dataset'],
  [/"env": \{[^}]*\}\s*\}/, '"env": 3', 'config.env: '],
  ['"format": 2', '"format": 4', 'run folder format 4'],
  ['"format": 2', '"format": 3', 'it has no manifest_sha256 any more'],
  [
    '"status": "finished"',
    `"status": "finished",\n  "manifest_sha256": "${'0'.repeat(64)}"`,
    'not what its manifest_sha256',
  ],
])('%s changed to %s is refused', async (from, to, message) => {
  const { dir, file } = written()
  edit(file, from, to)
  await expect(readManifest(dir)).rejects.toMatchObject({ kind: 'data', message: expect.stringContaining(message) })
})

it('keys in another order are the same config', async () => {
  const { dir, file } = written()
  const manifest = JSON.parse(readFileSync(file, 'utf8'))
  const { rounds, factor } = manifest.config['lr-schedule'].step
  const reversed = Object.fromEntries(Object.entries(manifest.config).reverse())
  manifest.config = { ...reversed, 'lr-schedule': { step: { factor, rounds } } }
  writeFileSync(file, JSON.stringify(manifest))
  expect((await readManifest(dir)).config_hash).toBe(manifest.config_hash)
})

it('a config from before a key was there has its default', async () => {
  const { dir, file } = written()
  const manifest = JSON.parse(readFileSync(file, 'utf8'))
  const { server, objective, ...config } = manifest.config
  writeFileSync(file, JSON.stringify({ ...manifest, config, config_hash: configHash(config) }))
  expect([server, objective]).toEqual(['none', 'cross-entropy'])
  expect((await readManifest(dir)).config).toEqual(manifest.config)
})
