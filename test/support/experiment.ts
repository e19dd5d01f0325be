import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { stringify } from 'yaml'
import { type TinyIdx, writeTinyIdx } from './idx.ts'

/** Small enough to train in milliseconds, with a convolution and dropout so that every random stream is used. */
export const SMALL_MODEL = [
  { type: 'conv2d', filters: 4, kernel: 3 },
  { type: 'relu' },
  { type: 'maxpool2d', size: 2 },
  { type: 'flatten' },
  { type: 'dropout', rate: 0.2 },
  { type: 'dense', units: 4 },
]

/** Takes seconds for an epoch: something to interrupt. */
export const SLOW_MODEL = [
  { type: 'conv2d', filters: 96, kernel: 5 },
  { type: 'conv2d', filters: 96, kernel: 5 },
  { type: 'flatten' },
  { type: 'dense', units: 4 },
]

export interface Workshop {
  readonly folder: string
  /** An experiment on the folder's data, with these keys changed. */
  experiment(name: string, given?: object): string
}

/** A folder with a tiny dataset, removed after this file's tests. */
export function workshop(data: TinyIdx = {}): Workshop {
  const folder = mkdtempSync(join(tmpdir(), 'test-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const idx = join(folder, 'idx')
  writeTinyIdx(idx, { train: 240, test: 60, rows: 12, cols: 12, classes: 4, ...data })
  return {
    folder,
    experiment(name, given = {}) {
      mkdirSync(folder, { recursive: true })
      const file = join(folder, `${name}.yaml`)
      const base = { dataset: 'idx', data: idx, model: SMALL_MODEL, rounds: 3, batch: 16, lr: 0.05 }
      writeFileSync(file, stringify({ ...base, out: join(folder, 'results'), ...given }))
      return file
    },
  }
}
