import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { LedgerNote } from '../../../../src/owner/ledger-lines.ts'
import { decodeSafetensors } from '../../../../src/weights/safetensors.ts'
import { runBinary } from '../../../support/binary.ts'
import { hasBroker } from '../../../support/broker.ts'
import { workshop } from '../../../support/experiment.ts'
import { startFederation } from '../../../support/federation.ts'
import { startAgent } from '../../../support/owner-agent.ts'
import { eventsOf } from '../../../support/run-folder.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const at = (name: string, id: string) => join(folder, 'results', name, id)
const OWNERS = ['alice', 'bob', 'carol']
const gone = new Promise<void>(() => {})

const weights = (file: string) => decodeSafetensors(readFileSync(file), file).weights

/** How far a model is from the mean of what some owners hand in after a first round. */
async function offMean(name: string, id: string, owners: readonly number[]): Promise<number> {
  const given = { owners: 3, env: 'V', rounds: 1, keep: 'owners' }
  const plain = experiment(`${name}-plain`, given)
  const { code, err } = await runBinary(['run', plain, '--run-id', 'plain', '--quiet', '--device', 'cpu'])
  expect([code, err]).toEqual([0, ''])
  const kept = (owner: number) =>
    weights(join(at(`${name}-plain`, 'plain'), 'owners', 'round-0001', `owner-${owner}.safetensors`))
  const all = owners.map(kept)
  let off = 0
  for (const [tensor, { data: values }] of weights(join(at(name, id), 'model.safetensors'))) {
    for (const [i, value] of values.entries()) {
      const mean = all.reduce((sum, one) => sum + one.get(tensor)!.data[i]!, 0) / owners.length
      off = Math.max(off, Math.abs(value - mean))
    }
  }
  return off
}

/** Once so many notes of a kind were made, the owner is gone: before it sends the next one. */
function goneBefore(kind: LedgerNote['kind'], times: number) {
  let left = times
  return async (note: LedgerNote) => {
    if (note.kind === kind && --left === 0) await gone
  }
}

describe.skipIf(!hasBroker)('owners that are lost', () => {
  it.each([
    ['before its update', 'masked', 1, [1, 2]],
    ['after its update, before it signs who survived', 'share', 2, [1, 2, 3]],
    ['after it has signed, before it unmasks', 'share', 3, [1, 2, 3]],
  ] as const)(
    'with a threshold: the sum is of those whose updates are there: %s',
    { timeout: 90_000 },
    async (...given) => {
      const [, kind, times, survivors] = given
      const name = `lost-${kind}-${times}`
      const file = experiment(name, { owners: 3, env: 'V', rounds: 1, privacy: { masks: { threshold: 2 } } })
      const { dir, join: joins, serve } = await startFederation(OWNERS, data)
      joins('alice')
      joins('bob')
      await startAgent(dir, 'carol', data, goneBefore(kind, times))
      const { code, err } = await serve(file, '--run-id', 'net', '--deadline', '6').ended
      expect([code, err]).toEqual([0, expect.stringContaining('owner carol did not answer within 6 s')])
      const [round] = eventsOf(at(name, 'net')).filter(({ type }) => type === 'round-finished')
      expect(round.absent).toEqual([1, 2, 3].filter((owner) => !(survivors as readonly number[]).includes(owner)))
      // 30 bits for three owners: a level is 7.5e-9, and float32 rounds weights below 1 by 2^-25.
      expect(await offMean(name, 'net', survivors)).toBeLessThan(1e-7)
    },
  )
})
