import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeCheckpoint, NOTHING_DONE, readCheckpoint } from '../../src/runs/checkpoint.ts'
import { encodeSafetensors } from '../../src/weights/safetensors.ts'
import { temporaryFolder } from '../support/folder.ts'

const tensor = { shape: [2], data: Float32Array.of(1, -2) }
const SHA = 'ab'.repeat(32)
const FILES = { 'local.csv': { size: 3, sha256: SHA } }
const SECONDS = { total: 4, train: 3, merge: 0, evaluate: 1, write: 0 }
const unified = new Map([['dense1.bias', tensor]])
const pooled = new Map([['dense1.bias', tensor]])
const kept = new Map([['dense1.bias', { shape: [2], data: Float32Array.of(0.5, 3) }]])
const STATE = {
  round: 7,
  unified,
  pooled,
  serverState: { 'server/v': kept, 'objective/c': unified },
  ownerStates: new Map([[12, { c: kept, 'a/b': pooled }]]),
  files: FILES,
  seconds: SECONDS,
}

function folderWith(bytes: Uint8Array): string {
  const dir = temporaryFolder()
  writeFileSync(join(dir, 'checkpoint.safetensors'), bytes)
  return dir
}

test('a checkpoint is read as it was written', async () => {
  expect(await readCheckpoint(folderWith(encodeCheckpoint(STATE)))).toEqual(STATE)
  const alone = { ...STATE, pooled: undefined }
  expect(await readCheckpoint(folderWith(encodeCheckpoint(alone)))).toEqual(alone)
  expect(await readCheckpoint(folderWith(encodeCheckpoint(NOTHING_DONE)))).toEqual(NOTHING_DONE)
  expect(await readCheckpoint(temporaryFolder())).toBeUndefined()
})

test('any bit of it that differs is found', async () => {
  const whole = encodeCheckpoint(STATE)
  for (let at = 0; at < whole.length; at++) {
    const bytes = Uint8Array.from(whole)
    bytes[at]! ^= 1 << (at % 8)
    await expect(readCheckpoint(folderWith(bytes)), `bit ${at % 8} of byte ${at}`).rejects.toMatchObject({
      kind: 'data',
      message: expect.stringContaining('checkpoint.safetensors: '),
      hint: expect.stringContaining('restore it'),
    })
  }
})

test.each([0, 1, 7, 8, 100, -1])('one that was cut to %i bytes is found, and one that is longer', async (size) => {
  const whole = encodeCheckpoint(STATE)
  await expect(readCheckpoint(folderWith(whole.subarray(0, size)))).rejects.toMatchObject({ kind: 'data' })
  const longer = Buffer.concat([whole, Buffer.from('x')])
  await expect(readCheckpoint(folderWith(longer))).rejects.toMatchObject({ kind: 'data' })
})

test.each([
  ['no round', { files: '{}', seconds: '{}' }],
  ['a round that is none', { round: 'seven', files: '{}', seconds: '{}' }],
  ['torn marks', { round: '7', files: '{"local.csv":', seconds: '{}' }],
  ['marks that are none', { round: '7', files: '{"local.csv":{"size":-1}}', seconds: JSON.stringify(SECONDS) }],
  ['seconds that are none', { round: '7', files: '{}', seconds: '{"total":"long"}' }],
])('%s is not a checkpoint', async (_, metadata) => {
  const bytes = encodeSafetensors(new Map([['unified/w', tensor]]), metadata)
  await expect(readCheckpoint(folderWith(bytes), 'older')).rejects.toMatchObject({
    kind: 'data',
    message: expect.stringContaining('not a checkpoint of fedunify'),
  })
})

test('checkpoints of before 0.4.0 have no digest, which serves for those alone', async () => {
  const metadata = { round: '7', files: JSON.stringify(FILES), seconds: JSON.stringify(SECONDS) }
  const dir = folderWith(encodeSafetensors(new Map([['unified/dense1.bias', tensor]]), metadata))
  expect(await readCheckpoint(dir, 'older')).toEqual({
    ...STATE,
    pooled: undefined,
    serverState: {},
    ownerStates: new Map(),
  })
  await expect(readCheckpoint(dir)).rejects.toMatchObject({ kind: 'data', message: /since the run wrote it/ })
})
