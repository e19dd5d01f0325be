import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { expandFile } from '../../src/config/expand.ts'
import { loadExperiment } from '../../src/config/load.ts'
import { OPTION_KEYS } from '../../src/config/parts/choice-keys.ts'
import { EXPERIMENT_KEYS, ExperimentSchema } from '../../src/config/schema.ts'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeTinyIdx } from '../support/idx.ts'

const { 'max-local-epochs': _, ...DEFAULTS } = ExperimentSchema.parse({})

async function written(): Promise<{ file: string; text: string; settable: string[] }> {
  const file = join(temporaryFolder(), 'new.yaml')
  expect(await fedunify(['init', file])).toMatchObject({ code: 0, err: '' })
  const text = readFileSync(file, 'utf8')
  return { file, text, settable: text.split('\n').filter((line) => /^#[^ ]/.test(line)) }
}

describe('fedunify init', () => {
  it('writes an experiment of defaults that names the shipped schema', async () => {
    const { file, text } = await written()
    const [, address] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)!
    expect(readFileSync(new URL(address!), 'utf8')).toBe(readFileSync('experiments/schema.json', 'utf8'))
    expect(await loadExperiment({ file })).toMatchObject({ ...DEFAULTS, name: 'new' })
  })

  it('tells of every key', async () => {
    const { text } = await written()
    for (const key of EXPERIMENT_KEYS) {
      expect(text.replace(/\n# /g, ' '), key).toContain(ExperimentSchema.shape[key].description)
    }
    // Paths in commands may be as long as they are.
    for (const line of text.split('\n').filter((l) => !l.includes('new.yaml'))) {
      if (!line.includes('$schema')) expect(line.length, line).toBeLessThanOrEqual(120)
    }
  })

  it('is valid with any of its commented lines made active', async () => {
    const { file, text, settable } = await written()
    expect(settable.length).toBeGreaterThan(15)
    for (const line of settable) {
      writeFileSync(file, text.replace(`\n${line}\n`, `\n${line.slice(1)}\n`))
      const [[key, value]] = Object.entries(parse(line.slice(1))) as [[string, unknown]]
      const runs = await expandFile(file)
      if (key === 'matrix' || key === 'variants') expect(runs).toHaveLength(2)
      else if (key === 'seeds') expect(runs).toHaveLength(3)
      else expect(runs[0]!.experiment, line).toMatchObject({ [key]: value })
    }
  })

  it('shows how each part is written with its options', async () => {
    const { file, text } = await written()
    const examples = [...text.matchAll(/\n# +(([\w-]+): [[{].*)/g)].map(([, line, key]) => ({ line: line!, key: key! }))
    expect(new Set(examples.map(({ key }) => key))).toEqual(new Set(OPTION_KEYS.map(({ key }) => key)))
    for (const { line, key } of examples) {
      writeFileSync(file, `${text.replace(new RegExp(`\n#?${key}: .*`), '')}${line}\n`)
      expect(await loadExperiment({ file }), line).toMatchObject(parse(line))
    }
  })

  it('says with which other key a key goes', async () => {
    const { file, text } = await written()
    const lines = [...text.matchAll(/For example, with it: (.*)/g)].map(([, line]) => line!)
    const [max, speeds, every] = ['max-local-epochs: 20', 'speeds: [1, 3]', 'keep-every: 10']
    expect(lines.sort()).toEqual([every, max, speeds])
    const withLines = async (...more: string[]) => {
      writeFileSync(file, [text, ...more, ''].join('\n'))
      return await loadExperiment({ file })
    }
    expect(await withLines('until-local-accuracy: 0.9', max)).toMatchObject({ 'max-local-epochs': 20 })
    expect(await withLines('pace: fedbuff', speeds)).toMatchObject({ speeds: [1, 3] })
    expect(await withLines('keep: owners', every)).toMatchObject({ 'keep-every': 10 })
  })

  it('is run by fedunify run --dry-run', async () => {
    const { file } = await written()
    const data = temporaryFolder()
    writeTinyIdx(data)
    const { code, out } = await fedunify(['run', file, '--dry-run', '--dataset', 'idx', '--data', data])
    expect(code).toBe(0)
    expect(out).toContain('nothing was written')
  })

  it('refuses to replace a file unless asked to', async () => {
    const { file, text } = await written()
    writeFileSync(file, 'lr: 0.5\n')
    expect(await fedunify(['init', file])).toMatchObject({ code: 2, err: expect.stringContaining('--force') })
    expect(readFileSync(file, 'utf8')).toBe('lr: 0.5\n')
    expect(await fedunify(['init', file, '--force'])).toMatchObject({ code: 0 })
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it('makes folders, and says where it cannot write', async () => {
    const dir = temporaryFolder()
    expect((await fedunify(['init', join(dir, 'a', 'b.yaml')])).code).toBe(0)
    mkdirSync(join(dir, 'folder.yaml'))
    expect(await fedunify(['init', join(dir, 'folder.yaml'), '--force'])).toMatchObject({ code: 2 })
    expect(await fedunify(['init', join(dir, 'a', 'b.yaml', 'c.yaml')])).toMatchObject({
      code: 2,
      err: expect.stringContaining('cannot be written'),
    })
  })
})
