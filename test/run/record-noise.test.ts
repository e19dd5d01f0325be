import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { epsilonAfter } from '../../src/privacy/accountant/accountant.ts'
import { fedunify } from '../support/command-line.ts'
import { SMALL_MODEL, workshop } from '../support/experiment.ts'
import { eventsOf, manifestOf, rowsOf } from '../support/run-folder.ts'

const { experiment, folder } = workshop()
const at = (name: string, id = 'a') => join(folder, 'results', name, id)
const run = async (file: string, id = 'a', ...more: string[]) =>
  await fedunify(['run', file, '--run-id', id, '--device', 'cpu', ...more])
const model = (name: string, id: string) => readFileSync(join(at(name, id), 'model.safetensors'))
const given = { env: 'V', model: SMALL_MODEL.filter(({ type }) => type !== 'dropout'), 'local-epochs': 2 }
const record = { level: 'record', clip: 0.5 }
const epsilons = (name: string, id = 'a') => rowsOf(at(name, id), 'privacy.csv').map(({ epsilon }) => Number(epsilon))
const images = (name: string, id = 'a') =>
  manifestOf(at(name, id)).shards.map(({ train }: { train: number }) => train) as number[]
/** What the steps of so many rounds cost, of batches of 16 and two epochs. */
const spent = (rounds: number, train: number, noise: number, delta = 1e-5) =>
  epsilonAfter({ noise, rate: 16 / train, steps: 2 * Math.ceil(train / 16) * rounds, delta })

describe('a run at level record', () => {
  it('says what its steps have cost after each round, of the owner that pays most', async () => {
    const { code, err, out } = await run(experiment('noisy', { ...given, privacy: { ...record, noise: 1.1 } }))
    expect(code, err).toBe(0)
    const costs = [1, 2, 3].map((rounds) => Math.max(...images('noisy').map((train) => spent(rounds, train, 1.1))))
    expect(epsilons('noisy')).toEqual(costs)
    expect(rowsOf(at('noisy'), 'privacy.csv')[0]).toMatchObject({ level: 'record', noise: '1.1', clip: '0.5' })
    expect(manifestOf(at('noisy')).noise).toMatchObject({
      level: 'record',
      noise: 1.1,
      clip: 0.5,
      randomness: 'system',
    })
    expect(eventsOf(at('noisy'))[0].privacy).toEqual({ level: 'record', noise: 1.1, delta: 1e-5 })
    expect(out).toContain('spent at delta 0.00001 for an image: noise 1.1 x clip 0.5')
    // Of a step only what is expected is told: every epoch counts all images of an owner.
    const trained = eventsOf(at('noisy')).filter(({ type }) => type === 'owner-trained')
    expect(trained).toHaveLength(6)
    for (const { owner, images: seen } of trained) expect(seen).toBe(2 * images('noisy')[owner - 1]!)
    expect(await fedunify(['verify', at('noisy')])).toMatchObject({ code: 0 })
  })

  it('finds the noise for an ε, and has spent nearly all of it at the end', async () => {
    const asked = { ...record, epsilon: 6, delta: 1e-4 }
    const { code, err } = await run(experiment('found', { ...given, privacy: asked }), 'a', '--quiet')
    expect(code, err).toBe(0)
    expect(manifestOf(at('found')).noise).toMatchObject({ epsilon: 6, delta: 1e-4 })
    const last = epsilons('found').at(-1)!
    expect(last).toBeLessThanOrEqual(6)
    expect(last).toBeGreaterThan(5.99)
  })

  it('is the same with one worker, with two and in two parts under a test seed, and no other way', async () => {
    const file = experiment('seeded', { ...given, privacy: { ...record, noise: 1, 'insecure-test-seed': 2 } })
    await run(file, 'one', '--quiet', '--workers', '1')
    await run(file, 'two', '--quiet', '--workers', '2')
    await run(file, 'parts', '--quiet', '--stop-after', '1')
    expect(await fedunify(['run', '--resume', at('seeded', 'parts'), '--quiet'])).toMatchObject({ code: 0 })
    for (const id of ['two', 'parts']) expect(model('seeded', id).equals(model('seeded', 'one'))).toBe(true)

    const free = experiment('free', { ...given, privacy: { ...record, noise: 1 } })
    await run(free, 'a', '--quiet')
    await run(free, 'parts', '--quiet', '--stop-after', '1')
    expect(await fedunify(['run', '--resume', at('free', 'parts'), '--quiet'])).toMatchObject({ code: 0 })
    expect(model('free', 'parts').equals(model('free', 'a'))).toBe(false)
    // What was spent before counts on.
    expect(epsilons('free', 'parts')).toEqual(epsilons('free'))
  })

  it('ends before the round that would cost too much, or does not begin', async () => {
    const budget = epsilons('noisy')[1]! + 0.01
    const limited = { ...given, privacy: { ...record, noise: 1.1, epsilon: budget } }
    expect(await run(experiment('limited', limited), 'a', '--quiet')).toMatchObject({ code: 0 })
    expect(manifestOf(at('limited'))).toMatchObject({ rounds: 2, reason: 'budget' })
    const never = { ...given, privacy: { ...record, noise: 0.2, epsilon: 1 } }
    const { code, err } = await run(experiment('never', never))
    expect([code, err]).toEqual([2, expect.stringContaining('with noise 0.2 the first round costs epsilon')])
    const { code: other, err: why } = await run(
      experiment('sam', { ...given, sam: 0.1, privacy: { ...record, noise: 1 } }),
    )
    expect([other, why]).toEqual([2, expect.stringContaining('sam moves the weights by the gradient of all images')])
  })

  it('without noise clips and samples, and has no ε', async () => {
    const quiet = { ...given, privacy: { ...record, noise: 0 } }
    expect(await run(experiment('quiet', quiet), 'a', '--quiet')).toMatchObject({ code: 0 })
    expect(rowsOf(at('quiet'), 'privacy.csv').map(({ epsilon }) => epsilon)).toEqual(['', '', ''])
  })

  it('warns of a δ that lets one image go', async () => {
    const file = experiment('delta', { ...given, rounds: 1, privacy: { ...record, noise: 1, delta: 0.1 } })
    for (const { err } of [await fedunify(['run', file, '--dry-run']), await run(file)]) {
      expect(err).toContain('note: delta 0.1 is not below 1/')
    }
  })
})
