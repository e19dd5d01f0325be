import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Attack, BAD_UPDATES, STRAY_MESSAGES } from '../../support/attacks.ts'
import { runBinary } from '../../support/binary.ts'
import { hasBroker } from '../../support/broker.ts'
import { EvilOwner, honestly, type Script } from '../../support/evil-owner.ts'
import { workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const FILES = ['local.csv', 'unified.csv', 'table.csv', 'model.safetensors']
const at = (name: string, id: string) => join(folder, 'results', name, id)

/** The bytes of the same experiment in one process. */
async function expectQuiet(name: string, file: string): Promise<void> {
  const { code, err } = await runBinary(['run', file, '--run-id', 'local', '--quiet', '--device', 'cpu'])
  expect([code, err]).toEqual([0, ''])
  for (const one of FILES) {
    expect(readFileSync(join(at(name, 'net'), one)).equals(readFileSync(join(at(name, 'local'), one))), one).toBe(true)
  }
}

/** Of files that come and go while they are counted. */
const bytesIn = (dir: string): number =>
  readdirSync(dir, { recursive: true }).reduce((sum: number, name) => {
    const stats = statSync(join(dir, String(name)), { throwIfNoEntry: false })
    return sum + (stats?.isFile() ? stats.size : 0)
  }, 0)

describe.skipIf(!hasBroker)('a malicious owner', () => {
  it('is refused in one line each time, and the others are unharmed', { timeout: 240_000 }, async () => {
    const rounds = Math.ceil(BAD_UPDATES.length / 2)
    const file = experiment('evil', { env: 'H', rounds })
    const fed = await startFederation(['alice', 'bob'], data)
    fed.join('alice', '--once')
    const server = fed.serve(file, '--run-id', 'net', '--max-norm', '1000')
    const bob = await EvilOwner.open(fed.dir, 'bob', data)
    await server.says(/alice has joined/)
    const bad = [...BAD_UPDATES]
    const strays = [...STRAY_MESSAGES]
    // A task comes again if a stray took the place of its answer, and is answered as before.
    const answers = new Map<string, Attack | undefined>()
    const train: Script['train'] = async (task, honest, evil) => {
      if (!answers.has(task.task)) {
        await strays.shift()?.run(task, honest, evil)
        answers.set(task.task, task.attempt < 2 ? bad.shift() : undefined)
      }
      const attack = answers.get(task.task)
      await attack?.run(task, honest, evil)
      return attack === undefined
    }
    const work = bob.work({ train })
    const { code, err } = await server.ended
    await work
    expect([code, bad.length, strays.length], err).toEqual([0, 0, 0])
    for (const { name, line } of [...BAD_UPDATES, ...STRAY_MESSAGES]) {
      if (line) expect(err.split('\n').filter((one) => line.test(one)).length, `${name}\n${err}`).toBeGreaterThan(0)
    }
    expect(err).not.toContain('owner alice')
    expect(err).not.toContain('66,666')
    await expectQuiet('evil', file)
  })

  it('ends a run with three bad updates in a round, and an honest one in its place goes on', {
    timeout: 90_000,
  }, async () => {
    const file = experiment('given-up', { env: 'H', rounds: 4 })
    const fed = await startFederation(['alice', 'bob'], data)
    fed.join('alice')
    const server = fed.serve(file, '--run-id', 'net')
    const bob = await EvilOwner.open(fed.dir, 'bob', data)
    const [nan] = BAD_UPDATES
    const train: Script['train'] = async (task, honest, evil) => {
      if (task.what === 'train' && task.round < 3) return true
      await nan!.run(task, honest, evil)
      return false
    }
    const work = bob.work({ train })
    const { code, err } = await server.ended
    await work
    expect(code, err).toBe(4)
    expect(err.match(/error: .*/g)).toEqual([
      expect.stringMatching(/owner bob handed in nothing that can be merged in round 3, 3 times: .* holds NaN/),
    ])
    await bob.connection.close()
    fed.join('bob')
    expect(await fed.serve('--resume', at('given-up', 'net')).ended).toMatchObject({ code: 0 })
    await expectQuiet('given-up', file)
  })

  it('is refused once for what stays its last word, and is given its task again', { timeout: 60_000 }, async () => {
    const file = experiment('last-word', { env: 'H' })
    const fed = await startFederation(['alice', 'bob'], data)
    fed.join('alice', '--once')
    const server = fed.serve(file, '--run-id', 'net')
    const bob = await EvilOwner.open(fed.dir, 'bob', data)
    const times = new Map<string, number>()
    const train: Script['train'] = async (task, honest, evil) => {
      const time = (times.get(task.task) ?? 0) + 1
      times.set(task.task, time)
      if (times.size > 1) return true
      // At the first task; the server looks at the broker while it waits.
      if (time === 1) await evil.handIn(task, honest, { fedunify: '0.0.1' })
      return time === 3
    }
    const work = bob.work({ train })
    const { code, err } = await server.ended
    await work
    expect([code, [...times.values()][0]], err).toEqual([0, 3])
    expect(err.match(/refused: .*/g)).toEqual([expect.stringContaining('owner bob has fedunify 0.0.1')])
  })

  it('with thousands of messages fills no disk and pushes out no update of others', { timeout: 180_000 }, async () => {
    const names = ['ann', 'bea', 'cleo', 'dan', 'eve', 'fay', 'gus', 'bob']
    const file = experiment('flood', { env: { dirichlet: { alpha: 5 } }, owners: 8, rounds: 6 })
    const fed = await startFederation(names, data)
    for (const name of names) fed.join(name, '--once')
    const server = fed.serve(file, '--run-id', 'net')
    const bob = await EvilOwner.open(fed.dir, 'bob', data)
    await server.says('bob has joined')
    const flood = bob.flood()
    await new Promise((resolve) => setTimeout(resolve, 6000))
    const sent = await flood.stop()
    expect(sent.messages).toBeGreaterThan(2000)
    expect(sent.bytes).toBeGreaterThan(40e6)
    expect(bytesIn(join(fed.dir, 'broker', 'store'))).toBeLessThan(30e6)
    const { code, err } = await server.ended
    expect(err.split('\n').filter((line) => line.includes('refused')).length).toBeLessThan(30)
    expect(err).not.toMatch(/owner (ann|bea|cleo|dan|eve|fay|gus) /)
    // Bob has pushed out his own updates, three times in a round perhaps.
    expect([0, 4], err).toContain(code)
    if (code === 4) {
      expect(err).toMatch(/error: owner bob handed in nothing/)
      for (const name of names) fed.join(name, '--once')
      expect(await fed.serve('--resume', at('flood', 'net')).ended).toMatchObject({ code: 0 })
    }
    await expectQuiet('flood', file)
  })

  it.each([
    [
      'of other classes',
      (card) => ({ ...card, train_labels: [1, 2, 3] }),
      /owner bob says that it has .* of 4 classes/,
    ],
    ['of more images than labels', (card) => ({ ...card, train_images: 1e6 }), /owner bob says that it has 1000000/],
    [
      'of another shape',
      (card) => ({ ...card, dataset: { ...card.dataset, shape: [1, 1000, 1000] } }),
      /owner bob has other data than owner alice/,
    ],
    ['as an interruption', () => failed('E_INTERRUPTED'), /owner bob: I fail/],
    ['as a missed gate', () => failed('E_EXPECTATION_MISSED'), /owner bob: I fail/],
  ] satisfies [string, NonNullable<Script['card']>, RegExp][])(
    'ends a run with one error and exit code 4: a card %s',
    { timeout: 60_000 },
    async (name, card, line) => {
      const file = experiment(`card-${name.replaceAll(' ', '-')}`, { env: 'H' })
      const fed = await startFederation(['alice', 'bob'], data)
      fed.join('alice')
      const server = fed.serve(file, '--run-id', 'net')
      const bob = await EvilOwner.open(fed.dir, 'bob', data)
      const work = bob.work({ card, train: honestly })
      const { code, err } = await server.ended
      await work
      expect([code, err.match(/error: .*/g)]).toEqual([4, [expect.stringMatching(line)]])
    },
  )

  it('that never finds the model is not sent it for ever', { timeout: 60_000 }, async () => {
    const file = experiment('lost', { env: 'H' })
    const fed = await startFederation(['alice', 'bob'], data)
    fed.join('alice')
    const server = fed.serve(file, '--run-id', 'net')
    const bob = await EvilOwner.open(fed.dir, 'bob', data)
    let times = 0
    const train: Script['train'] = async (task, _, evil) => {
      times += 1
      await evil.post(evil.signed(task, failed('E_PAYLOAD')))
      return false
    }
    const work = bob.work({ train })
    const { code, err } = await server.ended
    await work
    expect([code, times], err).toEqual([3, 21])
  })
})

const failed = (code: string) => ({ what: 'failed', code, message: 'I fail', hint: null, round: null, tensor: null })
