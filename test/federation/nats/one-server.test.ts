import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hasBroker } from '../../support/broker.ts'
import { workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const at = (name: string, id: string) => join(folder, 'results', name, id)

describe.skipIf(!hasBroker)('a federation', () => {
  it('has one server: a second one is fenced off', { timeout: 90_000 }, async () => {
    const file = experiment('two', { env: 'H', rounds: 300 })
    const fed = await startFederation(['alice', 'bob'], data)
    for (const name of ['alice', 'bob']) fed.join(name)
    const first = fed.serve(file, '--run-id', 'first')
    await first.says(/round +1\/300/)
    const second = await fed.serve(file, '--run-id', 'second').ended
    expect(second.code).toBe(4)
    expect(second.err.match(/error: .*/g)).toEqual([expect.stringContaining('another server is at work in this')])
    const rounds = () => readFileSync(join(at('two', 'first'), 'unified.csv'), 'utf8').split('\n').length
    const [before] = [rounds(), await new Promise((resolve) => setTimeout(resolve, 3000))]
    expect(rounds()).toBeGreaterThan(before)
  })

  it('has one server, if two start at the same moment', { timeout: 60_000 }, async () => {
    const file = experiment('race', { env: 'H', rounds: 300 })
    const fed = await startFederation(['alice', 'bob'], data)
    for (const name of ['alice', 'bob']) fed.join(name)
    const servers = [fed.serve(file, '--run-id', 'first'), fed.serve(file, '--run-id', 'second')]
    const lost = await Promise.race(servers.map(async (server, i) => ({ i, ...(await server.ended) })))
    expect([lost.code, lost.err]).toEqual([4, expect.stringContaining('another server is at work')])
    await servers[1 - lost.i]!.says(/round +1\/300/)
  })

  it('has one server: one that slept finds another in its place, and writes no more', {
    timeout: 120_000,
  }, async () => {
    const file = experiment('asleep', { env: 'H', rounds: 300 })
    const other = experiment('awake', { env: 'H', rounds: 12 })
    const fed = await startFederation(['alice', 'bob'], data)
    for (const name of ['alice', 'bob']) fed.join(name)
    const first = fed.serve(file, '--run-id', 'net')
    await first.says(/round +3\/300/)
    first.child.kill('SIGSTOP')
    const table = () => readFileSync(join(at('asleep', 'net'), 'unified.csv'), 'utf8')
    const second = fed.serve(other, '--run-id', 'net')
    await second.says(/round +1\/12/)
    const before = table()
    first.child.kill('SIGCONT')
    const { code, err } = await first.ended
    expect([code, err.match(/error: .*/g)]).toEqual([4, [expect.stringContaining('another server is at work')]])
    expect(table()).toBe(before)
    expect(await second.ended).toMatchObject({ code: 0 })
  })
})

describe.skipIf(!hasBroker)("an owner's folder", () => {
  it('is used by one process at a time; a killed one is no obstacle', { timeout: 60_000 }, async () => {
    const fed = await startFederation(['alice', 'bob'], data)
    const first = fed.join('alice')
    await first.says('waiting for an experiment')
    const second = await fed.join('alice').ended
    expect([second.code, second.err]).toEqual([
      2,
      expect.stringMatching(/process \d+ on .* is at work in this owner's/),
    ])
    first.child.kill('SIGKILL')
    await first.ended
    await fed.join('alice').says('waiting for an experiment')
  })
})
