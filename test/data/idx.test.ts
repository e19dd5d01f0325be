import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { parseImages, parseLabels, unzip, unzippedSize } from '../../src/data/idx.ts'
import { FedunifyError } from '../../src/errors.ts'
import { idxImages, idxLabels } from '../support/idx.ts'

const images = idxImages(2, 2, 3, [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255])
const labels = idxLabels([3, 0, 9])

describe('parseImages', () => {
  it('gives the shape and the pixels', () => {
    const parsed = parseImages(images, 'f')
    expect(parsed).toMatchObject({ count: 2, rows: 2, cols: 3 })
    expect([...parsed.pixels]).toEqual([0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255])
  })

  it.each([
    ['labels', labels, 'f: magic number 0x00000801, expected 0x00000803 (images)'],
    ['an empty file', Buffer.alloc(0), 'f: truncated: 0 bytes, the header alone has 16'],
    ['half a header', images.subarray(0, 9), 'f: truncated: 9 bytes, the header alone has 16'],
    ['a cut file', images.subarray(0, 20), 'f: truncated: 20 bytes, the header (2 x 2 x 3) announces 28'],
    ['a long file', Buffer.concat([images, labels]), /^f: trailing bytes: 39 bytes, .* announces 28$/],
    ['no images', idxImages(0, 28, 28, []), 'f: holds no images'],
    ['no pixels', idxImages(3, 0, 28, []), 'f: images of 0 x 28 pixels'],
    ['absurd sizes', idxImages(2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1, [1]), /^f: truncated: 17 bytes/],
  ])('refuses %s', (_, bytes, message) => {
    const error = thrown(() => parseImages(bytes, 'f'))
    expect(error).toMatchObject({ kind: 'data', hint: expect.any(String) })
    if (typeof message === 'string') expect(error.message).toBe(message)
    else expect(error.message).toMatch(message)
  })
})

describe('parseLabels', () => {
  it('gives the labels', () => {
    expect([...parseLabels(labels, 'f')]).toEqual([3, 0, 9])
  })

  it.each([
    ['images', images, 'f: magic number 0x00000803, expected 0x00000801 (labels)'],
    ['a cut file', labels.subarray(0, 10), 'f: truncated: 10 bytes, the header (3) announces 11'],
    ['no labels', idxLabels([]), 'f: holds no labels'],
  ])('refuses %s', (_, bytes, message) => {
    expect(thrown(() => parseLabels(bytes, 'f')).message).toBe(message)
  })
})

describe('unzip', () => {
  it('inflates a gzip stream and leaves other bytes alone', async () => {
    expect(Buffer.from(await unzip(gzipSync(images), 'f', images.length))).toEqual(images)
    expect(await unzip(images, 'f', 1)).toBe(images)
  })

  it('inflates whatever size the trailer claims, in no time', async () => {
    const zipped = gzipSync(Buffer.alloc(2_000_000, 7))
    expect((await unzip(zipped, 'f', 3_000_000)).length).toBe(2_000_000)
    // The size modulo 2 ** 32, as a bomb of 8 GB has it.
    const zero = Buffer.concat([zipped.subarray(0, -4), Buffer.alloc(4)])
    const began = performance.now()
    await expect(unzip(zero, 'f', 1_900_000)).rejects.toThrow('unpacks to more than 1900000 bytes')
    expect(performance.now() - began).toBeLessThan(200)
  })

  it.each([
    ['truncated', gzipSync(images).subarray(0, -9)],
    ['truncated to its magic', gzipSync(images).subarray(0, 2)],
    ['with a wrong sum', Buffer.concat([gzipSync(images).subarray(0, -8), Buffer.alloc(8, 1)])],
    ['with garbage inside', Buffer.concat([gzipSync(images).subarray(0, 12), Buffer.alloc(30, 255)])],
  ])('refuses a gzip stream %s', async (_, bytes) => {
    const message = expect.stringMatching(/^f: gzip stream is truncated or corrupt \(.+\)$/)
    await expect(unzip(bytes, 'f', 1000)).rejects.toMatchObject({ kind: 'data', message })
  })
})

describe('what is not inflated further than it should be', () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000))

  it('is refused by unzip', async () => {
    await expect(unzip(bomb, 'f', 1000)).rejects.toMatchObject({
      kind: 'data',
      message: 'f: trailing bytes: it unpacks to more than 1000 bytes',
    })
  })

  it('tells its size by its header', async () => {
    const size = (bytes: Buffer, kind: 'images' | 'labels') => unzippedSize(bytes, bytes.length, 'f', kind)
    const zipped = gzipSync(images)
    expect(await size(zipped, 'images')).toBe(images.length)
    expect(await size(gzipSync(labels), 'labels')).toBe(labels.length)
    expect(await size(gzipSync(Buffer.concat([labels, Buffer.alloc(50_000_000)])), 'labels')).toBe(labels.length)
    expect(await unzippedSize(zipped.subarray(0, -9), 1000, 'f', 'images')).toBe(images.length)
    await expect(size(bomb, 'images')).rejects.toThrow('f: magic number 0x00000000, expected 0x00000803 (images)')
    await expect(size(gzipSync('\n'), 'labels')).rejects.toThrow('f: truncated: 1 bytes, the header alone has 8')
    await expect(size(zipped.subarray(0, 12), 'images')).rejects.toThrow('f: gzip stream is truncated or corrupt')
    const absurd = gzipSync(idxImages(2 ** 32 - 1, 2 ** 32 - 1, 1, [1]))
    await expect(size(absurd, 'images')).rejects.toThrow(/^f: truncated: \d+ bytes cannot unpack to the 1844\d+ that/)
  })
})

function thrown(run: () => unknown): FedunifyError {
  try {
    run()
  } catch (error) {
    if (error instanceof FedunifyError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
