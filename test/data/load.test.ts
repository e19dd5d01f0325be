import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { CLASS_NAMES, IDX_NAMES } from '../../src/data/fashion-mnist/known-files.ts'
import { verifyFashionMnist } from '../../src/data/fashion-mnist/verify.ts'
import { loadDataset, pool } from '../../src/data/load-dataset.ts'
import { makePipe, temporaryFolder } from '../support/folder.ts'
import { idxImages, idxLabels, writeTinyIdx } from '../support/idx.ts'

/** A gzip stream of an IDX file of 4 images of 2 x 2 pixels, and of 50 MB behind them. */
const GZIP = gzipSync(idxImages(4, 2, 2, new Array(16).fill(1)))
const BOMB = gzipSync(Buffer.concat([idxImages(4, 2, 2, new Array(16).fill(1)), Buffer.alloc(50_000_000)]))

/** A file of 3 GB that takes no room on the disk. */
function sparse(file: string, start: Buffer): void {
  writeFileSync(file, start)
  truncateSync(file, 3e9)
}

describe('dataset idx', () => {
  it.each([true, false])('pools the train file and then the t10k file (gzip: %s)', async (gzip) => {
    const dir = temporaryFolder()
    writeTinyIdx(dir, { train: 12, test: 5, rows: 6, cols: 8, classes: 4, gzip })
    const dataset = await loadDataset({ dataset: 'idx', dir })
    expect(dataset).toMatchObject({
      name: 'idx',
      count: 17,
      shape: [1, 6, 8],
      elements: 'uint8',
      classes: 4,
      source: dir,
    })
    expect([...dataset.labels]).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0])
    expect(dataset.images.length).toBe(17 * 48)
    expect(dataset.images.buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(dataset.labels.buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(Object.keys(dataset.sha256)).toEqual([...IDX_NAMES])
  })

  it('has the same hashes gzipped or not, and other ones for other data', async () => {
    const hashes = async (options: { gzip?: boolean; seed?: number }) => {
      const dir = temporaryFolder()
      writeTinyIdx(dir, { rows: 4, cols: 4, ...options })
      return (await loadDataset({ dataset: 'idx', dir })).sha256
    }
    const zipped = await hashes({ gzip: true })
    expect(await hashes({ gzip: false })).toEqual(zipped)
    expect(await hashes({ seed: 2 })).not.toEqual(zipped)
  })

  it.each([
    ['of several pieces, plain', false, false],
    ['of several pieces, gzipped', true, true],
    ['train images plain, t10k images gzipped', false, true],
    ['train images gzipped, t10k images plain', true, false],
  ])('pools large files: %s', async (_, trainGzip, t10kGzip) => {
    const dir = temporaryFolder()
    const pixels = (count: number, factor: number) =>
      Uint8Array.from({ length: 28 * 28 * count }, (_, i) => Math.imul(i + 1, factor) >>> 24)
    const put = (name: string, bytes: Buffer, gzip: boolean) =>
      writeFileSync(join(dir, gzip ? `${name}.gz` : name), gzip ? gzipSync(bytes, { level: 1 }) : bytes)
    const [train, t10k] = [pixels(12_000, 0x9e3779b1), pixels(6_000, 0x85ebca6b)]
    const files = {
      'train-images-idx3-ubyte': idxImages(12_000, 28, 28, train),
      'train-labels-idx1-ubyte': idxLabels(Array.from({ length: 12_000 }, (_, i) => i % 10)),
      't10k-images-idx3-ubyte': idxImages(6_000, 28, 28, t10k),
      't10k-labels-idx1-ubyte': idxLabels(Array.from({ length: 6_000 }, (_, i) => (i * 7) % 10)),
    }
    for (const [name, bytes] of Object.entries(files)) put(name, bytes, name.startsWith('train') ? trainGzip : t10kGzip)
    const { images, labels, sha256 } = await loadDataset({ dataset: 'idx', dir })
    expect(Buffer.compare(images, Buffer.concat([train, t10k]))).toBe(0)
    expect([labels.length, labels[11_999], labels[12_001]]).toEqual([18_000, 9, 7])
    const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
    expect(sha256).toEqual(Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, hash(bytes)])))
    // The memory that plain images were read into is that of the dataset.
    if (!trainGzip && !t10kGzip) expect(images.byteOffset).toBe(16)
  })

  it('takes the plain file where there is a gzipped one too, and a gzipped one by any name', async () => {
    const dir = temporaryFolder()
    writeTinyIdx(dir, { train: 4, test: 4, rows: 2, cols: 2, gzip: false })
    const expected = await loadDataset({ dataset: 'idx', dir })
    writeFileSync(join(dir, 'train-images-idx3-ubyte.gz'), 'not read')
    expect(await loadDataset({ dataset: 'idx', dir })).toEqual(expected)
    for (const name of IDX_NAMES) writeFileSync(join(dir, name), gzipSync(readFileSync(join(dir, name))))
    expect(await loadDataset({ dataset: 'idx', dir })).toMatchObject({ sha256: expected.sha256 })
  })

  it('names a file that cannot be read, or is empty', async () => {
    const dir = temporaryFolder()
    writeTinyIdx(dir, { train: 4, test: 4, rows: 2, cols: 2, gzip: false })
    const file = join(dir, 't10k-images-idx3-ubyte')
    writeFileSync(file, '')
    await expect(loadDataset({ dataset: 'idx', dir })).rejects.toThrow(`${file}: truncated: 0 bytes`)
    rmSync(file)
    mkdirSync(file)
    await expect(loadDataset({ dataset: 'idx', dir })).rejects.toMatchObject({
      kind: 'data',
      message: `${file}: cannot be read (a folder, not a file)`,
    })
  })

  it.each([
    ['a pipe', (file: string) => makePipe(file), 'cannot be read (not a plain file)'],
    ['a device', (file: string) => symlinkSync('/dev/zero', file), 'cannot be read (not a plain file)'],
    ['3 GB of nothing', (file: string) => sparse(file, Buffer.alloc(0)), /magic number 0x00000000, expected 0x0{5}803/],
    ['3 GB', (file: string) => sparse(file, idxImages(4, 2, 2, [])), /trailing bytes: 3000000000 bytes, the header/],
    [
      '3 GB that begin as gzip does',
      (file: string) => sparse(file, GZIP),
      /trailing bytes: it has 3000000000 bytes, but 32 are expected$/,
    ],
    ['too much for memory', (file: string) => sparse(file, idxImages(2 ** 32 - 1, 2 ** 10, 2 ** 10, [])), /truncated/],
    ['a bomb', (file: string) => writeFileSync(file, BOMB), /trailing bytes: it unpacks to more than 32 bytes/],
  ])('refuses %s in no time and memory', async (_, make, message) => {
    const dir = temporaryFolder()
    writeTinyIdx(dir, { train: 4, test: 4, rows: 2, cols: 2, gzip: false })
    const file = join(dir, 'train-images-idx3-ubyte')
    rmSync(file)
    make(file)
    const before = process.memoryUsage().rss
    const began = performance.now()
    for (const load of [
      () => loadDataset({ dataset: 'idx', dir }),
      () => loadDataset({ dataset: 'fashion-mnist', dir }),
    ]) {
      const error = await load().catch((thrown) => thrown)
      expect(error).toMatchObject({ kind: 'data', message: expect.stringContaining(`${file}: `) })
      expect(error.message).not.toContain('\n')
    }
    await expect(loadDataset({ dataset: 'idx', dir })).rejects.toThrow(message)
    expect(performance.now() - began).toBeLessThan(5000)
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6)
  })

  it('refuses what memory does not hold, in words', async () => {
    const dir = temporaryFolder()
    writeTinyIdx(dir, { train: 4, test: 4, rows: 2, cols: 2, gzip: false })
    const file = join(dir, 'train-images-idx3-ubyte')
    writeFileSync(file, idxImages(2 ** 20, 2 ** 12, 2 ** 10, []))
    truncateSync(file, 2 ** 42 + 16)
    await expect(loadDataset({ dataset: 'idx', dir })).rejects.toMatchObject({
      kind: 'data',
      message: expect.stringMatching(/: 4398\.0 GB are more than fit into memory, which has \d+\.\d GB$/),
    })
  })

  it('has at least two classes', async () => {
    const dir = temporaryFolder()
    writeTinyIdx(dir, { train: 3, test: 2, rows: 2, cols: 2, classes: 1 })
    expect((await loadDataset({ dataset: 'idx', dir })).classes).toBe(2)
  })

  it('names the folder and the missing files', async () => {
    const dir = temporaryFolder()
    const write = (name: string) => writeFileSync(join(dir, name), '')
    write('train-images-idx3-ubyte.gz')
    write('train-labels-idx1-ubyte')
    await expect(loadDataset({ dataset: 'idx', dir })).rejects.toMatchObject({
      kind: 'data',
      message: `data folder ${dir}: lacks t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz`,
    })
    const absent = join(dir, 'absent')
    await expect(loadDataset({ dataset: 'idx', dir: absent })).rejects.toThrow(`data folder ${absent}: no such folder`)
  })

  it('names both files and both counts where images and labels differ', async () => {
    const dir = temporaryFolder()
    writeTinyIdx(dir, { train: 4, test: 4, rows: 2, cols: 2, gzip: false })
    writeFileSync(join(dir, 't10k-labels-idx1-ubyte'), idxLabels([1, 2, 3]))
    const images = join(dir, 't10k-images-idx3-ubyte')
    const labels = join(dir, 't10k-labels-idx1-ubyte')
    await expect(loadDataset({ dataset: 'idx', dir })).rejects.toMatchObject({
      kind: 'data',
      message: `${images} holds 4 images, but ${labels} 3 labels`,
    })
  })

  it('refuses train and t10k images of different sizes', async () => {
    const dir = temporaryFolder()
    writeTinyIdx(dir, { train: 4, test: 1, rows: 2, cols: 2, gzip: false })
    writeFileSync(join(dir, 't10k-images-idx3-ubyte'), idxImages(1, 2, 3, [1, 2, 3, 4, 5, 6]))
    await expect(loadDataset({ dataset: 'idx', dir })).rejects.toThrow(/different sizes: .*2 x 2.*2 x 3 pixels$/)
  })
})

describe('dataset fashion-mnist', () => {
  it('refuses files with other content, naming file, expected and actual hash', async () => {
    const dir = temporaryFolder()
    writeTinyIdx(dir, { rows: 4, cols: 4 })
    await expect(loadDataset({ dataset: 'fashion-mnist', dir })).rejects.toMatchObject({
      kind: 'data',
      message: expect.stringMatching(/-ubyte\.gz: wrong checksum: expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}/),
      hint: expect.stringContaining('set dataset to idx'),
    })
  })

  it('refuses a label out of range', () => {
    const content = (path: string, bytes: Uint8Array) => ({ path, bytes, sha256: '', stored: 0 })
    const images = content('images', idxImages(2, 1, 1, [1, 2]))
    const contents = {
      'train-images-idx3-ubyte': images,
      'train-labels-idx1-ubyte': content('train-labels', idxLabels([0, 9])),
      't10k-images-idx3-ubyte': images,
      't10k-labels-idx1-ubyte': content('t10k-labels', idxLabels([3, 10])),
    }
    expect(() => pool('fashion-mnist', 'dir', contents, CLASS_NAMES)).toThrow(
      't10k-labels: label 10 at 1, expected 0 to 9',
    )
    expect(pool('idx', 'dir', contents)).toMatchObject({ classes: 11, classNames: [...'0123456789', '10'] })
  })
})

describe('verifyFashionMnist', () => {
  it('reports every file, and never throws', async () => {
    const dir = temporaryFolder()
    writeTinyIdx(dir, { rows: 4, cols: 4, gzip: false })
    rmSync(join(dir, 'train-images-idx3-ubyte'))
    writeFileSync(join(dir, 'train-images-idx3-ubyte.gz'), Buffer.from([0x1f, 0x8b, 8, 0]))
    const checks = await verifyFashionMnist(dir)
    expect(checks.map(({ name }) => name)).toEqual([...IDX_NAMES])
    expect(checks.every(({ ok }) => !ok)).toBe(true)
    expect(checks[0]?.problem).toMatch(/gzip stream is truncated/)
    expect(checks[1]).toMatchObject({ stored: 128, problem: expect.stringMatching(/expected 60008\)$/) })
    const absent = await verifyFashionMnist(join(dir, 'absent'))
    expect(absent.map(({ problem }) => problem)).toEqual(['missing', 'missing', 'missing', 'missing'])
  })
})
