import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { hasBroker } from '../../support/broker.ts'
import { fedunify } from '../../support/command-line.ts'
import { SMALL_MODEL, workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'

const { experiment, folder } = workshop({ train: 2400, rows: 20, cols: 20 })
const data = join(folder, 'idx')

describe.skipIf(!hasBroker)('federation status', () => {
  it('follows a run from its begin to its end', { timeout: 120_000 }, async () => {
    const { dir, broker, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    const server = join(dir, 'server')
    const status = (...more: string[]) => fedunify(['federation', 'status', '--federation', server, ...more])
    const json = async () => JSON.parse((await status('--json')).out)
    expect(await status()).toMatchObject({ code: 0, out: 'nothing is running\n', err: '' })

    const alice = joins('alice')
    const first = serve(experiment('slow', { env: 'H', model: SMALL_MODEL, 'local-epochs': 5000 }), '--quiet')
    await alice.says('images to train on')
    expect(await json()).toMatchObject({
      format: 1,
      server: 'at_work',
      run: expect.stringMatching(/^[\da-f]{16}$/),
      round: null,
      owners: [
        { owner: 1, name: 'alice', state: 'done', connected: true, late: false, progress: null },
        { owner: 2, name: 'bob', state: 'invited', connected: false, late: true, since: expect.stringMatching(/Z$/) },
      ],
    })
    expect((await status()).out).toMatch(
      /^run \S+, before its first round\n\n[\s\S]*^bob +LATE, invited, not there +\d/m,
    )

    const bob = joins('bob')
    await bob.says('images to train on')
    const training = { state: 'training', connected: true, late: false }
    const atWork = async () =>
      expect(await json()).toMatchObject({
        round: 1,
        owners: [
          { ...training, progress: { epochs: 5000, total: expect.any(Number) } },
          { ...training, progress: { epoch: expect.any(Number) } },
        ],
      })
    await vi.waitFor(atWork, { timeout: 20_000, interval: 200 })
    expect((await status()).out).toMatch(
      /^run \S+, in round 1\n\n[\s\S]*^bob +training +\d.* s +\d+ %, epoch \d+\/5000$/m,
    )

    bob.child.kill('SIGKILL')
    await bob.ended
    const { owners } = await json()
    expect(owners[1]).toMatchObject({ state: 'training', connected: false, late: true, progress: null })

    first.child.kill('SIGKILL')
    await first.ended
    const silent = await status()
    expect(silent.out).toContain('\nits server gives no sign of life: fedunify serve --resume')

    alice.child.kill('SIGKILL')
    await alice.ended
    const short = serve(experiment('short', { env: 'H', rounds: 1 }), '--quiet')
    // Before the owners: they would first do what the server before has asked.
    while ((await json()).owners[0]?.state !== 'invited');
    const both = [joins('alice', '--once'), joins('bob', '--once')]
    expect(await short.ended).toMatchObject({ code: 0 })
    for (const one of both) await one.ended
    expect(await status()).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^nothing is running; the last run was /),
    })

    await broker.stop()
    const away = await status()
    expect([away.code, away.out]).toEqual([2, ''])
    expect(away.err).toMatch(/^error: the broker at \S+ cannot be reached\n/)
  })
})
