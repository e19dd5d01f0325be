import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeSafetensors } from '../../src/model/safetensors.ts'
import { encodeCheckpoint, readCheckpoint } from '../../src/results/checkpoint.ts'
import { temporaryFolder } from '../support/folder.ts'

const tensor = { shape: [2], data: Float32Array.of(1, -2) }
const FILES = { 'local.csv': { size: 3, sha256: 'ab' } }
const SECONDS = { total: 4, train: 3, merge: 0, evaluate: 1, write: 0 }

function folderWith(bytes: Uint8Array): string {
  const dir = temporaryFolder()
  writeFileSync(join(dir, 'checkpoint.safetensors'), bytes)
  return dir
}

test('a checkpoint is read as it was written', async () => {
  const unified = new Map([['dense1.bias', tensor]])
  const state = { round: 7, unified, pooled: new Map([['dense1.bias', tensor]]), files: FILES, seconds: SECONDS }
  expect(await readCheckpoint(folderWith(encodeCheckpoint(state)))).toEqual(state)
  expect(await readCheckpoint(folderWith(encodeCheckpoint({ ...state, pooled: undefined })))).toMatchObject({
    round: 7,
  })
  expect(await readCheckpoint(temporaryFolder())).toBeUndefined()
})

test.each([
  ['no round', { files: '{}', seconds: '{}' }],
  ['a round that is none', { round: 'seven', files: '{}', seconds: '{}' }],
  ['torn marks', { round: '7', files: '{"local.csv":', seconds: '{}' }],
])('%s is not a checkpoint', async (_, metadata) => {
  const bytes = encodeSafetensors(new Map([['unified/w', tensor]]), metadata)
  await expect(readCheckpoint(folderWith(bytes))).rejects.toMatchObject({
    kind: 'data',
    message: expect.stringContaining('not a checkpoint of fedunify'),
  })
})
