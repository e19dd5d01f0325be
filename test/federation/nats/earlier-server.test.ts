import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hasBroker } from '../../support/broker.ts'
import { SMALL_MODEL, workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'
import { manifestOf } from '../../support/run-folder.ts'

const { experiment, folder } = workshop({ train: 2400, rows: 20, cols: 20 })
const data = join(folder, 'idx')

describe.skipIf(!hasBroker)('a task that a dead server left', () => {
  it('is given up as soon as the server of another run asks something', { timeout: 60_000 }, async () => {
    const { join: joins, serve } = await startFederation(['alice', 'bob'], data)
    const alice = joins('alice')
    const bob = joins('bob')
    // Minutes of training.
    const first = serve(experiment('dead', { env: 'H', model: SMALL_MODEL, 'local-epochs': 10_000 }), '--quiet')
    await Promise.all([alice.says('images to train on'), bob.says('images to train on')])
    await new Promise((resolve) => setTimeout(resolve, 1000))
    first.child.kill('SIGKILL')
    alice.child.kill('SIGKILL')
    await Promise.all([first.ended, alice.ended])
    const again = joins('alice', '--once')
    // It takes the task again once the broker gives it out, before there is another server.
    await new Promise((resolve) => setTimeout(resolve, 4500))
    const { code, err } = await serve(experiment('next', { env: 'H', rounds: 1 }), '--run-id', 'a', '--quiet').ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    const ended = await again.ended
    expect(ended.code).toBe(0)
    expect(ended.err).toMatch(/leaves the task of run \w+: the server asks for run \w+ now/)
    await bob.says(/leaves the task of run \w+: the server asks for run \w+ now/)
    expect(manifestOf(join(folder, 'results', 'next', 'a')).status).toBe('finished')
  })

  it('is done to its end for a server of the same run that goes on with it', { timeout: 120_000 }, async () => {
    const { join: joins, serve } = await startFederation(['alice', 'bob'], data)
    const alice = joins('alice', '--once')
    joins('bob', '--once')
    const file = experiment('same', { env: 'H', rounds: 1, model: SMALL_MODEL, 'local-epochs': 400 })
    const first = serve(file, '--run-id', 'a', '--quiet')
    await alice.says('images to train on')
    await new Promise((resolve) => setTimeout(resolve, 1500))
    first.child.kill('SIGKILL')
    await first.ended
    const { code, err } = await serve('--resume', join(folder, 'results', 'same', 'a'), '--quiet').ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    const ended = await alice.ended
    expect(ended.err.match(/round 1: trained in/g)).toHaveLength(1)
    expect(ended.err).not.toContain('leaves the task')
    // Nobody has to be there for a run that has finished.
    const finished = await serve('--resume', join(folder, 'results', 'same', 'a')).ended
    expect(finished).toMatchObject({ code: 0, err: expect.stringContaining('has finished already') })
    expect(finished.out).toContain('unified accuracy')
  })
})
