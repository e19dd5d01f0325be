import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expandFile } from '../../src/config/expand.ts'
import { configHash } from '../../src/config/hash.ts'
import { loadExperiment } from '../../src/config/load.ts'
import { VERSION } from '../../src/package.ts'
import { fedunify, readersOf } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'

function fileOf(text: string): string {
  const file = join(temporaryFolder(), 'exp.yaml')
  writeFileSync(file, text)
  return file
}

describe('the format of an experiment file', () => {
  it('is no part of the experiment or its hash', async () => {
    const [without, given] = await Promise.all(
      ['lr: 0.5\n', 'format: 1\nlr: 0.5\n'].map((text) => loadExperiment({ file: fileOf(text) })),
    )
    expect(given).toEqual(without)
    expect(configHash(given!)).toBe(configHash(without!))
    expect(given).not.toHaveProperty('format')
  })

  it('may stand in a batch, and in a file of expectations', async () => {
    const runs = await expandFile(fileOf('format: 1\nseeds: 2\nmatrix: { env: [V, H] }\n'))
    expect(runs.map(({ id }) => id)).toEqual(
      (await expandFile(fileOf('seeds: 2\nmatrix: { env: [V, H] }\n'))).map(({ id }) => id),
    )
    const file = fileOf('format: 1\nexpect: [{ metric: participants, each-round: 2 }]\n')
    const { code } = await fedunify(['check', 'results/reference/table3', '--expect', file])
    expect(code).toBe(0)
  })

  it.each(['config', 'run', 'batch', 'check'])(
    'that is newer is refused by %s, with file and line',
    async (command) => {
      const file = fileOf('lr: 0.5\n\nformat: 2\n')
      const args = readersOf(file).find(([name]) => name === command)!
      expect(await fedunify(args)).toMatchObject({
        code: 2,
        out: '',
        err:
          `error: ${file}:3: config format 2 is newer than fedunify ${VERSION} can read (up to 1)\n` +
          'hint: use a newer version of fedunify\n',
      })
    },
  )

  it('that is newer comes before whatever else an older reader cannot know', async () => {
    await expect(loadExperiment({ file: fileOf('format: 9\nfuture: { a: 1 }\n') })).rejects.toMatchObject({
      code: 'E_CONFIG_FORMAT',
    })
  })

  it.each(['0', '1.5', '-1', '"1"', 'one', '[1]', '~'])('is a whole number, not %s', async (text) => {
    const file = fileOf(`format: ${text}\n`)
    await expect(loadExperiment({ file })).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining(`${file}:1: expected format 1, got `),
    })
  })

  it('is a key of files alone', async () => {
    await expect(loadExperiment({ set: ['format=1'] })).rejects.toMatchObject({ code: 'E_UNKNOWN_NAME' })
    await expect(expandFile(fileOf('matrix: { format: [1, 2] }\n'))).rejects.toMatchObject({ code: 'E_UNKNOWN_NAME' })
  })
})
