import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { listFolder } from '../../src/data/idx-folder.ts'
import { temporaryFolder } from '../support/folder.ts'

const NAMES = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
] as const

/** A folder with the four files under other names. */
function folderOf(rename: (name: string) => string): string {
  const folder = temporaryFolder()
  for (const name of NAMES) writeFileSync(join(folder, rename(name)), '')
  return folder
}

describe('the four files of a folder', () => {
  it.each([
    ['with a dot', (name: string) => name.replace('-idx', '.idx')],
    ['with underscores', (name: string) => name.replaceAll('-', '_')],
    ['gzipped, with a dot', (name: string) => `${name.replace('-idx', '.idx')}.gz`],
    ['as EMNIST has them', (name: string) => `emnist-letters-${name.replace('t10k', 'test')}`],
    ['in capitals', (name: string) => name.toUpperCase()],
  ])('are found %s', async (_, rename) => {
    const folder = folderOf(rename)
    const { found, lack } = await listFolder(folder)
    expect(lack).toBeUndefined()
    expect(found).toEqual(Object.fromEntries(NAMES.map((name) => [name, join(folder, rename(name))])))
  })

  it('go by their own names first', async () => {
    const folder = folderOf((name) => name)
    writeFileSync(join(folder, 'train-images.idx3-ubyte'), '')
    expect((await listFolder(folder)).found[NAMES[0]]).toBe(join(folder, NAMES[0]))
  })

  it('that may be one or another are named, and none is taken', async () => {
    const folder = temporaryFolder()
    for (const set of ['emnist-letters', 'emnist-digits']) {
      for (const name of NAMES) writeFileSync(join(folder, `${set}-${name}`), '')
    }
    const { found, lack } = await listFolder(folder)
    expect(found).toEqual({})
    expect(lack).toMatch(
      /^lacks train-images-idx3-ubyte\.gz, .*; it has emnist-digits-t10k-images-idx3-ubyte, .* and 2 more: rename them if these are the files$/,
    )
  })

  it('that are others are named', async () => {
    const folder = folderOf((name) => name)
    renameSync(join(folder, NAMES[0]), join(folder, 'my-training-images.ubyte'))
    mkdirSync(join(folder, 'unrelated'))
    expect((await listFolder(folder)).lack).toBe(
      'lacks train-images-idx3-ubyte.gz; it has my-training-images.ubyte: rename it if this is the file',
    )
  })
})
