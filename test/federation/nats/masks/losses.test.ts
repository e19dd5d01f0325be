import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { decodeSafetensors } from '../../../../src/weights/safetensors.ts'
import { runBinary } from '../../../support/binary.ts'
import { hasBroker } from '../../../support/broker.ts'
import { workshop } from '../../../support/experiment.ts'
import { startFederation } from '../../../support/federation.ts'
import { heldBefore, startAgent } from '../../../support/owner-agent.ts'
import { eventsOf } from '../../../support/run-folder.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const at = (name: string, id: string) => join(folder, 'results', name, id)
const OWNERS = ['alice', 'bob', 'carol']
const FILES = ['local.csv', 'unified.csv', 'table.csv', 'model.safetensors', 'model.onnx']
const ROUNDS = { owners: 3, env: 'V', rounds: 3 }

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

/** The same experiment in one process. */
async function expectSameAsLocal(name: string, file: string): Promise<void> {
  const { code, err } = await runBinary(['run', file, '--run-id', 'local', '--quiet', '--device', 'cpu'])
  expect([code, err]).toEqual([0, ''])
  for (const one of FILES) {
    expect(readFileSync(join(at(name, 'net'), one)).equals(readFileSync(join(at(name, 'local'), one))), one).toBe(true)
  }
}

/** Serves a run in whose given round one of three owners stops before it hands in, and is started anew. */
async function servedAnew(file: string, round: number) {
  const { dir, join: joins, serve } = await startFederation(OWNERS, data)
  joins('alice')
  joins('bob')
  const { before, reached } = heldBefore('masked', round)
  const carol = await startAgent(dir, 'carol', data, before)
  const server = serve(file, '--run-id', 'net')
  await reached
  await carol.stop()
  joins('carol')
  return await server.ended
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
      await startAgent(dir, 'carol', data, heldBefore(kind, times).before)
      const { code, err } = await serve(file, '--run-id', 'net', '--deadline', '6').ended
      expect([code, err]).toEqual([0, expect.stringContaining('owner carol did not answer within 6 s')])
      const [round] = eventsOf(at(name, 'net')).filter(({ type }) => type === 'round-finished')
      expect(round.absent).toEqual([1, 2, 3].filter((owner) => !(survivors as readonly number[]).includes(owner)))
      // 30 bits for three owners: a level is 7.5e-9, and float32 rounds weights below 1 by 2^-25.
      expect(await offMean(name, 'net', survivors)).toBeLessThan(1e-7)
    },
  )

  it('with a threshold: one that was started anew sits out the round, and takes part in the next', {
    timeout: 90_000,
  }, async () => {
    const given = { owners: 3, env: 'V', rounds: 2 }
    const file = experiment('anew', { ...given, privacy: { masks: { threshold: 2 } } })
    const { code, err } = await servedAnew(file, 1)
    expect([code, err]).toEqual([0, expect.stringContaining('owner carol: round 1: it no longer has its secrets of attempt 0: the sum goes on without it')]) // biome-ignore format: one line
    expect(err).toContain('note: without --deadline an owner that is away is waited for, although 2 owners are enough')
    const rounds = eventsOf(at('anew', 'net')).filter(({ type }) => type === 'round-finished')
    expect(rounds.map(({ absent }) => absent)).toEqual([[3], []])
  })

  it('without a threshold: the round begins again with the same owners once the lost one is back', {
    timeout: 90_000,
  }, async () => {
    const file = experiment('again', { ...ROUNDS, privacy: { masks: {} } })
    const { code, err } = await servedAnew(file, 2)
    expect([code, err]).toEqual([0, expect.stringContaining('owner carol: round 2: it no longer has its secrets of attempt 0: the round begins again, with the same owners')]) // biome-ignore format: one line
    await expectSameAsLocal('again', file)
  })

  it('without a threshold: a deadline ends the run, which goes on once all are back', { timeout: 90_000 }, async () => {
    const file = experiment('late', { ...ROUNDS, privacy: { masks: {} } })
    const { dir, join: joins, serve } = await startFederation(OWNERS, data)
    joins('alice')
    joins('bob')
    const { before } = heldBefore('masked', 2)
    const carol = await startAgent(dir, 'carol', data, before)
    const { code, err } = await serve(file, '--run-id', 'net', '--deadline', '6').ended
    expect(code).toBe(4)
    expect(err).toContain(
      'error: owner carol did not answer within 6 s (--deadline)\n' +
        'hint: without it the sum stays masked, and the round does not count: resume the run once all owners are back',
    )
    await carol.stop()
    joins('carol')
    expect(await serve('--resume', at('late', 'net'), '--quiet').ended).toMatchObject({ code: 0 })
    await expectSameAsLocal('late', file)
  })

  it.each([
    ['masks', {}],
    ['threshold', { threshold: 2 }],
  ])(
    'a server that is killed goes on in the round that was open, under another attempt: %s',
    {
      timeout: 90_000,
    },
    async (name, masks) => {
      const file = experiment(`killed-${name}`, { ...ROUNDS, privacy: { masks } })
      const { dir, join: joins, serve } = await startFederation(OWNERS, data)
      joins('alice')
      joins('bob')
      // Its score of the model of round 2: the sum is unmasked, and not on the server's disk.
      const { before, reached, release } = heldBefore('evaluation', 4)
      await startAgent(dir, 'carol', data, before)
      const server = serve(file, '--run-id', 'net')
      await reached
      server.child.kill('SIGKILL')
      await server.ended
      const again = serve('--resume', at(`killed-${name}`, 'net'), '--quiet')
      release()
      expect(await again.ended).toMatchObject({ code: 0 })
      await expectSameAsLocal(`killed-${name}`, file)
    },
  )
})
