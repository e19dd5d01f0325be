import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runBinary } from '../../support/binary.ts'
import { hasBroker } from '../../support/broker.ts'
import { workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const FILES = ['local.csv', 'unified.csv', 'table.csv', 'model.safetensors']
const at = (name: string, id: string) => join(folder, 'results', name, id)
const OWNERS = ['alice', 'bob', 'carol']

describe.skipIf(!hasBroker)('a server that draws owners for each round', () => {
  it.each([
    ['seldom', { 'evaluate-every': 3 }],
    // What absent owners keep outlives their processes.
    ['general', { objective: 'scaffold', optimizer: 'momentum' }],
  ])('has the bytes of a run in one process, also if owners restart: %s', { timeout: 120_000 }, async (name, given) => {
    const file = experiment(name, { env: 'V', owners: 3, rounds: 7, participants: { count: 2 }, ...given })
    const { join: joins, serve } = await startFederation(OWNERS, data)
    const owners = OWNERS.map((owner) => joins(owner, '--once'))
    const server = serve(file, '--run-id', 'net')
    await server.says(/round +3\/7/)
    for (const [i, owner] of OWNERS.entries()) {
      owners[i]!.child.kill('SIGKILL')
      await owners[i]!.ended
      owners[i] = joins(owner, '--once')
    }
    const { code, err } = await server.ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    for (const owner of owners) expect(await owner.ended).toMatchObject({ code: 0 })
    expect((await runBinary(['run', file, '--run-id', 'local', '--quiet', '--device', 'cpu'])).code).toBe(0)
    for (const one of FILES) {
      expect([one, readFileSync(join(at(name, 'net'), one)).equals(readFileSync(join(at(name, 'local'), one)))]).toEqual([one, true]) // biome-ignore format: one line
    }
    expect((await runBinary(['verify', at(name, 'net')])).code).toBe(0)
  })

  it('takes no --min-owners beside it', async () => {
    const file = experiment('both', { env: 'V', owners: 3, participants: { count: 2 } })
    const { serve } = await startFederation(OWNERS, data)
    const { code, err } = await serve(file, '--min-owners', '2', '--deadline', '9').ended
    expect([code, err]).toEqual([2, expect.stringContaining('--min-owners is for rounds that ask all owners')])
  })
})
