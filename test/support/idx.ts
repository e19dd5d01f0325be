import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { stream } from '../../src/random.ts'

export interface TinyIdx {
  /** Images in the train file, by default 120. */
  readonly train?: number
  /** Images in the t10k file, by default 20. */
  readonly test?: number
  readonly rows?: number
  readonly cols?: number
  readonly classes?: number
  readonly seed?: number
  /** By default the files are gzipped. */
  readonly gzip?: boolean
}

/**
 * Writes a tiny dataset of four IDX files into `dir` (created if need be): labels 0, 1, …, in turn; each image is
 * noise with a bright patch whose place tells the label, so that a small network learns it within a few steps.
 */
export function writeTinyIdx(dir: string, options: TinyIdx = {}): void {
  const { train = 120, test = 20, rows = 28, cols = 28, classes = 10, seed = 1, gzip = true } = options
  mkdirSync(dir, { recursive: true })
  const write = (name: string, bytes: Buffer) => {
    writeFileSync(join(dir, gzip ? `${name}.gz` : name), gzip ? gzipSync(bytes) : bytes)
  }
  for (const [i, [prefix, count]] of (
    [
      ['train', train],
      ['t10k', test],
    ] as const
  ).entries()) {
    const labels = Array.from({ length: count }, (_, image) => image % classes)
    const random = stream(seed, 'subset', i)
    const images = labels.flatMap((label) => drawImage(label, rows, cols, classes, () => random.below(64)))
    write(`${prefix}-images-idx3-ubyte`, idxImages(count, rows, cols, images))
    write(`${prefix}-labels-idx1-ubyte`, idxLabels(labels))
  }
}

/** An IDX file of images, not gzipped. */
export function idxImages(count: number, rows: number, cols: number, pixels: Iterable<number>): Buffer {
  return Buffer.concat([header(0x803, count, rows, cols), Buffer.from([...pixels])])
}

/** An IDX file of labels, not gzipped. */
export function idxLabels(labels: readonly number[]): Buffer {
  return Buffer.concat([header(0x801, labels.length), Buffer.from(labels)])
}

function header(...words: number[]): Buffer {
  const bytes = Buffer.alloc(4 * words.length)
  for (const [i, word] of words.entries()) bytes.writeUInt32BE(word, 4 * i)
  return bytes
}

/** The image is a grid of at least `classes` cells; cell `label` is bright. */
function drawImage(label: number, rows: number, cols: number, classes: number, noise: () => number): number[] {
  const grid = Math.ceil(Math.sqrt(classes))
  return Array.from({ length: rows * cols }, (_, at) => {
    const row = Math.floor((Math.floor(at / cols) * grid) / rows)
    const col = Math.floor(((at % cols) * grid) / cols)
    return noise() + (row * grid + col === label ? 190 : 0)
  })
}
