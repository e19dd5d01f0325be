import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { idxImages, writeTinyIdx } from '../support/idx.ts'
import { serveFolder, startServer } from '../support/mirror.ts'

/** For this file, Fashion-MNIST is a tiny dataset, and no mirror serves it. */
vi.mock(import('../../src/data/fashion-mnist/known-files.ts'), async (original) => {
  const { IDX_NAMES, ...rest } = await original()
  // Nothing may be imported here that imports what is being replaced.
  const { writeTinyIdx } = await import('../support/idx.ts')
  const dir = mkdtempSync(join(tmpdir(), 'test-'))
  writeTinyIdx(dir, { rows: 6, cols: 6, gzip: false })
  const known = IDX_NAMES.map((name) => {
    const content = readFileSync(join(dir, name))
    const sha256 = createHash('sha256').update(content).digest('hex')
    return [name, { bytes: content.length, sha256, download: content.length }]
  })
  rmSync(dir, { recursive: true })
  return { ...rest, IDX_NAMES, FASHION_MNIST: Object.fromEntries(known), MIRRORS: [] }
})

const before = process.cwd()
let cache: string

beforeEach(() => {
  const folder = temporaryFolder()
  cache = join(folder, 'data', 'fashion-mnist')
  writeTinyIdx(cache, { rows: 6, cols: 6 })
  process.chdir(folder)
})

afterEach(() => process.chdir(before))

describe('data verify', () => {
  it('lists the four files of the folder that a run would take', async () => {
    const { code, out, err } = await fedunify(['data', 'verify'])
    expect([code, err]).toEqual([0, ''])
    const [dir, head, ...rows] = out.trimEnd().split('\n')
    expect(dir).toBe(join('data', 'fashion-mnist'))
    expect(head).toMatch(/^file +bytes +SHA-256$/)
    expect(rows).toHaveLength(4)
    for (const row of rows) expect(row).toMatch(/^(train|t10k)-\S+-ubyte +[\d,]+ +ok$/)
  })

  it('exits 3 where files are missing or wrong, and still lists all', async () => {
    const dir = temporaryFolder()
    cpSync(cache, dir, { recursive: true })
    rmSync(join(dir, 't10k-labels-idx1-ubyte.gz'))
    writeFileSync(join(dir, 't10k-images-idx3-ubyte.gz'), gzipSync(idxImages(1, 1, 1, [7])))
    writeFileSync(join(dir, 'train-images-idx3-ubyte.gz'), Buffer.from([0x1f, 0x8b, 8, 0]))
    const { code, out, err } = await fedunify(['data', 'verify', dir])
    expect(code).toBe(3)
    const rows = out.trimEnd().split('\n').slice(2)
    expect(rows[0]).toMatch(/^train-images\S+ +- .*gzip stream is truncated/)
    expect(rows[1]).toMatch(/ok$/)
    expect(rows[2]).toMatch(/^t10k-images.* wrong checksum: expected SHA-256 /)
    expect(rows[3]).toMatch(/^t10k-labels\S+ +- +missing$/)
    expect(err).toBe(
      `error: 3 of 4 files are missing or wrong\nhint: replace them with: fedunify data fetch --force ${dir}\n`,
    )
  })

  it('takes a folder that is not there for an empty one', async () => {
    const { code, out } = await fedunify(['data', 'verify', 'absent'])
    expect(code).toBe(3)
    expect(out.match(/missing$/gm)).toHaveLength(4)
  })
})

describe('data fetch', () => {
  it('has nothing to do where all is there', async () => {
    const { code, out, err } = await fedunify(['data', 'fetch'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toBe(`${join('data', 'fashion-mnist')} has all four files already\n`)
    expect(readdirSync(cache)).toHaveLength(4)
  })

  it('exits 3 where a file is wrong, and says how to replace it', async () => {
    writeFileSync(join(cache, 't10k-images-idx3-ubyte.gz'), gzipSync('other'))
    const { code, out, err } = await fedunify(['data', 'fetch'])
    expect([code, out]).toEqual([3, ''])
    expect(err).toMatch(
      /^error: \S+t10k-images-idx3-ubyte\.gz: wrong checksum: .*\nhint: .*data fetch --force data\/fashion-mnist\n$/,
    )
  })
})

describe('a hint names the folder that is wrong', () => {
  it('so that its command mends that one', async () => {
    const dir = temporaryFolder()
    cpSync(cache, dir, { recursive: true })
    writeFileSync(join(dir, 't10k-images-idx3-ubyte.gz'), gzipSync('other'))
    const mirror = await serveFolder(cache)
    const { err } = await fedunify(['data', 'verify', dir])
    const command = /fedunify (data fetch --force .*)/.exec(err)![1]!.split(' ')
    const fetched = await fedunify([...command, '--mirror', mirror])
    expect(fetched).toMatchObject({ code: 0, out: `${dir}: fetched from ${mirror}\n` })
    expect((await fedunify(['data', 'verify', dir])).code).toBe(0)
  })
})

describe('where nothing is on this machine', () => {
  beforeEach(() => {
    process.chdir(temporaryFolder())
    vi.stubEnv('FEDUNIFY_DATA', join(process.cwd(), 'shared'))
  })
  afterEach(() => vi.unstubAllEnvs())

  it('a dry run fetches nothing, and says what a run would fetch', async () => {
    let asked = 0
    const mirror = await startServer((_, response) => {
      asked += 1
      response.end()
    })
    writeFileSync('one.yaml', 'env: H\n')
    const expected = `Fashion-MNIST is not on this machine: a run fetches it (`
    const commands = [
      ['run', 'one.yaml', '--dry-run', '--mirror', mirror],
      ['batch', 'one.yaml', '--dry-run', '--mirror', mirror],
    ]
    for (const command of commands) {
      const { code, out, err } = await fedunify(command)
      expect([code, err]).toEqual([0, ''])
      expect(out).toContain(`${expected}`)
      expect(out).toContain(`from ${mirror} into ${join(process.cwd(), 'shared', 'fashion-mnist')})`)
      expect(out).toContain('nothing was fetched or written\n')
    }
    expect(await fedunify(['data', 'verify'])).toMatchObject({
      code: 3,
      err: expect.stringContaining('fetch it with: fedunify data fetch'),
    })
    expect(asked).toBe(0)
    expect(readdirSync('.')).toEqual(['one.yaml'])
  })

  it('a run is offline if it is told so', async () => {
    for (const command of ['run', 'batch']) {
      writeFileSync('one.yaml', 'env: H\n')
      const { code, err } = await fedunify([command, 'one.yaml', '--offline', '--quiet'])
      expect([command, code]).toEqual([command, 3])
      expect(err).toContain('nothing may be fetched (--offline or FEDUNIFY_OFFLINE)')
    }
  })

  it('what is fetched goes into the shared cache, and the next folder finds it', async () => {
    const mirror = await serveFolder(cache)
    expect((await fedunify(['data', 'fetch', '--mirror', mirror])).out).toBe(
      `${join(process.cwd(), 'shared', 'fashion-mnist')}: fetched from ${mirror}\n`,
    )
    process.chdir(temporaryFolder())
    const { code, out } = await fedunify(['data', 'verify'])
    expect([code, out.split('\n')[0]]).toEqual([0, join(process.env.FEDUNIFY_DATA!, 'fashion-mnist')])
  })
})

describe('a run without --data', () => {
  it('takes the dataset from the cache', async () => {
    const flags = ['--dry-run', '--model', '[{type: flatten}, {type: dense, units: 10}]']
    const { code, out } = await fedunify(['run', ...flags])
    expect(code).toBe(0)
    expect(out).toContain(`\nfashion-mnist: 140 images from ${join('data', 'fashion-mnist')}\n`)
  })

  it('refuses a folder that is not Fashion-MNIST', async () => {
    const dir = temporaryFolder()
    writeTinyIdx(dir, { rows: 6, cols: 6, seed: 2 })
    const { code, err } = await fedunify(['run', '--quiet', '--data', dir])
    expect(code).toBe(3)
    expect(err).toMatch(/^error: \S+: wrong checksum: .*\nhint: .*set dataset to idx\n$/)
  })
})
