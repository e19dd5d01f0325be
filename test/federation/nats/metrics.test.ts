import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readLedger } from '../../../src/owner/ledger-lines.ts'
import { runBinary } from '../../support/binary.ts'
import { hasBroker } from '../../support/broker.ts'
import { EvilOwner, honestly, type Script } from '../../support/evil-owner.ts'
import { workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'
import { serverOf } from '../../support/parties.ts'
import { eventsOf, manifestOf, rowsOf } from '../../support/run-folder.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const at = (name: string, id: string) => join(folder, 'results', name, id)
const TABLES = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv']
const bytes = (name: string, id: string, file: string) => readFileSync(join(at(name, id), file))

/** Owners that keep their metrics to themselves. */
function keepMetrics(dir: string, ...names: string[]): void {
  for (const name of names) {
    writeFileSync(join(dir, 'owners', name, 'policy.yaml'), 'share: { metrics: false }\n')
  }
}

async function runLocally(file: string): Promise<void> {
  const { code, err } = await runBinary(['run', file, '--run-id', 'local', '--quiet', '--device', 'cpu'])
  expect([code, err]).toEqual([0, ''])
}

async function reportOf(name: string): Promise<string> {
  const out = join(folder, `${name}.html`)
  expect((await runBinary(['report', at(name, 'net'), '--out', out])).code).toBe(0)
  return readFileSync(out, 'utf8')
}

/** How a run comes out with these expectations. */
function check(name: string, ...expectations: string[]) {
  const file = join(folder, `${name}-expect.yaml`)
  writeFileSync(file, expectations.map((line) => `- ${line}\n`).join(''))
  return runBinary(['check', at(name, 'net'), '--expect', file])
}

describe.skipIf(!hasBroker)('an owner that shares no metrics', () => {
  it('takes part: the weights are those of a local run, and its cells are empty', { timeout: 90_000 }, async () => {
    const file = experiment('kept', { env: 'H', rounds: 3, merge: ['avg', 'max'] })
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    keepMetrics(dir, 'bob')
    const { connection } = await serverOf(dir)
    const said: string[] = []
    for (const subject of ['done.o2', 'live.o2']) {
      connection.subscribe(subject, { callback: (_, message) => void said.push(message.string()) })
    }
    await connection.flush()
    joins('alice', '--once')
    const bob = joins('bob', '--once')
    const { code, err, out } = await serve(file, '--run-id', 'net').ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    expect(err).toMatch(/bob has joined: \d+ images to train on, no metrics shared/)
    expect(err).toMatch(/local 1 +local 2 +avg +max .*\nround 1\/3 +\d+\.\d\d +- +\d+\.\d\d +\d+\.\d\d /)
    expect(out).toMatch(/unified accuracy \d+\.\d\d % \(avg, round 3\), on the test images of 1 of 2 owners/)
    const request = (await bob.ended).out
    expect(request).toContain('nothing that tells how good a model is')
    expect(request).toMatch(/stays here +images, accuracies and losses, the number of images to test on/)

    await runLocally(file)
    for (const model of ['model.safetensors', 'model.onnx']) {
      expect(bytes('kept', 'net', model).equals(bytes('kept', 'local', model)), model).toBe(true)
    }
    const owned = rowsOf(at('kept', 'net'), 'local.csv')
    const local = rowsOf(at('kept', 'local'), 'local.csv')
    expect(owned.filter(({ owner }) => owner === '1')).toEqual(local.filter(({ owner }) => owner === '1'))
    const empty = { train_loss: '', local_accuracy: '', copied_accuracy: '' }
    expect(owned.filter(({ owner }) => owner === '2')).toEqual(
      local.filter(({ owner }) => owner === '2').map((row) => ({ ...row, ...empty })),
    )
    expect(rowsOf(at('kept', 'net'), 'table.csv').map((row) => row.local_2)).toEqual(['', '', ''])
    // The unified model on the images of alice alone: what she got of it in the round after.
    const unified = rowsOf(at('kept', 'net'), 'unified.csv')
    expect(unified.map(({ owners, evaluated_by }) => [owners, evaluated_by])).toEqual(Array(6).fill(['2', '1']))
    expect(
      unified
        .filter(({ merge }) => merge === 'avg')
        .map(({ accuracy }) => accuracy)
        .slice(0, 2),
    ).toEqual(
      local
        .filter(({ owner }) => owner === '1')
        .map((row) => row.copied_accuracy)
        .slice(1),
    )
    expect(manifestOf(at('kept', 'net')).shards).toMatchObject([{ test: expect.any(Number) }, { test: null }])
    const traffic = rowsOf(at('kept', 'net'), 'traffic.csv')
    const size = Number(traffic[1]!.down_bytes)
    expect(traffic.map((row) => Number(row.down_bytes) / size)).toEqual([3, 1, 2, 1, 2, 1])

    // All that bob said: no word of how good a model is.
    expect(said.some((text) => text.includes('"progress":{'))).toBe(true)
    const told = said.map((text) => text.replaceAll('\\', ''))
    expect(told.filter((text) => text.includes('"what":"update"')).length).toBeGreaterThanOrEqual(3)
    for (const text of told) expect(text).not.toMatch(/"(correct|confusion|loss_sum|local|received)"|"loss":[^n]/)
    expect(told.find((text) => text.includes('"what":"card"'))).toContain('"test_images":null')
    const { totals } = (await readLedger(join(dir, 'owners', 'bob', 'ledger.jsonl')))!
    expect(totals.map(({ direction, kind, entries }) => `${direction} ${kind} ${entries}`)).toEqual([
      'in experiment 1',
      'out card 1',
      'in model 3',
      'out update 3',
      'out counts 3',
    ])

    const met = await check(
      'kept',
      '{ metric: participants, each-round: 2 }',
      '{ metric: unified, min: 0 }',
      '{ metric: local, owner: 1, min: 0 }',
    )
    expect([met.code, met.out]).toEqual([0, expect.stringContaining('5 met')])
    const missed = await check('kept', '{ metric: local, min: 0 }')
    expect([missed.code, missed.out]).toEqual([1, expect.stringContaining('nothing: owner 2 shares no metrics')])
    const page = await reportOf('kept')
    expect(page).toContain('is measured on the test images of 1 of 2 owners: owner 2 shares no metrics.')
    expect(page).not.toMatch(/NaN|undefined/)
    const compared = await runBinary(['compare', at('kept', 'local'), at('kept', 'net')])
    expect([compared.code, compared.out]).toEqual([
      0,
      expect.stringContaining('of 1 of 2 owners: owner 2 shared no metrics'),
    ])
    expect(compared.out).toMatch(/local 2 +\d+\.\d\d +- +-/)
  })

  it('can be killed, and its server too: the files are those of a run without a break', {
    timeout: 120_000,
  }, async () => {
    const file = experiment('broken', { env: 'H', rounds: 24, 'local-epochs': 2, server: 'avgm' })
    const fed = await startFederation(['alice', 'bob'], data)
    keepMetrics(fed.dir, 'bob')
    fed.join('alice')
    let bob = fed.join('bob')
    expect((await fed.serve(file, '--run-id', 'whole', '--quiet').ended).code).toBe(0)
    const server = fed.serve(file, '--run-id', 'net')
    await server.says(/round +2\/24/)
    bob.child.kill('SIGKILL')
    await bob.ended
    bob = fed.join('bob')
    await server.says(/round +5\/24/)
    server.child.kill('SIGKILL')
    await server.ended
    const resumed = await fed.serve('--resume', at('broken', 'net'), '--quiet').ended
    expect([resumed.code, resumed.err]).toEqual([0, expect.not.stringContaining('error')])
    for (const one of [...TABLES, 'model.safetensors', 'model.onnx']) {
      expect(bytes('broken', 'net', one).equals(bytes('broken', 'whole', one)), one).toBe(true)
    }
  })

  it('may be every owner: then no accuracy is known, and the weights are the same', { timeout: 90_000 }, async () => {
    const file = experiment('dark', { env: 'H', rounds: 2 })
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    keepMetrics(dir, 'alice', 'bob')
    for (const name of ['alice', 'bob']) joins(name, '--once')
    const { code, err, out } = await serve(file, '--run-id', 'net').ended
    expect([code, err]).toEqual([0, expect.stringMatching(/local 1 +local 2 +avg .*\n.*\nround 2\/2 +- +- +- /)])
    expect(out).toContain('unified accuracy not known (avg, round 2): no owner shares its metrics')
    await runLocally(file)
    expect(bytes('dark', 'net', 'model.safetensors').equals(bytes('dark', 'local', 'model.safetensors'))).toBe(true)
    expect(bytes('dark', 'net', 'unified.csv').toString()).toBe(
      'round,merge,owners,accuracy,loss,evaluated_by\n1,avg,2,,,0\n2,avg,2,,,0\n',
    )
    expect(bytes('dark', 'net', 'table.csv').toString()).toBe('epoch,local_1,local_2,avg\n1,,,\n2,,,\n')
    for (const { merges, locals } of eventsOf(at('dark', 'net')).filter(({ type }) => type === 'round-finished')) {
      expect(merges).toEqual([{ merge: 'avg', evaluated_by: 0 }])
      for (const local of locals) for (const key of ['loss', 'local', 'copied']) expect(local).not.toHaveProperty(key)
    }
    const missed = await check('dark', '{ metric: unified, min: 0.1 }', '{ metric: participants, each-round: 2 }')
    expect([missed.code, missed.out]).toEqual([1, expect.stringContaining('nothing: no owner shares its metrics')])
    const page = await reportOf('dark')
    expect(page).toContain('No accuracy is known: the owners share no metrics.')
    expect(page).toContain('Drift of the owners')
    expect(page).not.toMatch(/NaN|undefined/)
    const compared = await runBinary(['compare', at('dark', 'net'), at('dark', 'net')])
    expect([compared.code, compared.err]).toEqual([3, expect.stringContaining('no side has an accuracy')])
  })

  it('may be the only one in a round, if others may be absent', { timeout: 90_000 }, async () => {
    const file = experiment('alone', { rounds: 12 })
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    keepMetrics(dir, 'bob')
    const alice = joins('alice')
    joins('bob')
    const server = serve(file, '--run-id', 'net', '--deadline', '3', '--min-owners', '1')
    await server.says(/round +2\/12/)
    alice.child.kill('SIGSTOP')
    await server.says('owner alice did not answer within 3 s (--deadline): the round goes on without it')
    alice.child.kill('SIGCONT')
    const { code, err } = await server.ended
    expect([code, err]).toEqual([0, expect.stringMatching(/round +\d+\/12 +- +- +- .*without owner 1/)])
    const unified = rowsOf(at('alone', 'net'), 'unified.csv')
    // She was late with her update, or with her evaluation.
    expect(unified.some(({ accuracy }) => accuracy === '')).toBe(true)
    for (const { accuracy, evaluated_by } of unified) expect(accuracy === '').toBe(evaluated_by === '0')
    expect((await check('alone', '{ metric: unified, at: best, min: 0 }')).code).toBe(0)
    expect(await reportOf('alone')).not.toMatch(/NaN|undefined/)
  })

  it('refuses a run that ends by its accuracy, before anything is trained', { timeout: 60_000 }, async () => {
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    keepMetrics(dir, 'bob')
    for (const name of ['alice', 'bob']) joins(name)
    const { code, err } = await serve(experiment('ends', { 'stop-at': 0.9 }), '--quiet').ended
    expect(code).toBe(4)
    expect(err).toContain('owner bob refuses: share.metrics: asked for accuracies and losses; this owner shares none')
    expect(err).toContain('share.metrics: asked to stop-at 0.9')
  })

  it('cannot go on as one that shares them', { timeout: 60_000 }, async () => {
    const fed = await startFederation(['alice', 'bob'], data)
    keepMetrics(fed.dir, 'bob')
    fed.join('alice')
    const bob = fed.join('bob')
    const server = fed.serve(experiment('other', { rounds: 400 }), '--run-id', 'net')
    await server.says(/round +2\/400/)
    server.child.kill('SIGKILL')
    bob.child.kill('SIGKILL')
    await Promise.all([server.ended, bob.ended])
    writeFileSync(join(fed.dir, 'owners', 'bob', 'policy.yaml'), 'share: { metrics: true }\n')
    fed.join('bob')
    const { code, err } = await fed.serve('--resume', at('other', 'net'), '--quiet').ended
    expect([code, err]).toEqual([2, expect.stringContaining('owners without metrics (run: [2], now: [])')])
  })
})

describe.skipIf(!hasBroker)('an owner that does not do as it has said', () => {
  const noMetrics: NonNullable<Script['card']> = (card) => ({
    ...card,
    metrics: false,
    test_images: null,
    test_labels: null,
  })
  const sendsNone: Script['train'] = async (task, honest, evil) => {
    await evil.handIn(task, honest, { metrics: null })
    return false
  }

  it.each([
    ['promises metrics and sends none', {}, sendsNone, /3 times: .* has no metrics, which this run needs/],
    [
      'promises none and sends them',
      { card: noMetrics },
      honestly,
      /3 times: .* has metrics, of which its owner has said/,
    ],
    [
      'shares none, but counts its test images',
      { card: (card) => ({ ...card, metrics: false }) },
      honestly,
      /owner bob says that it shares no metrics, but counts its images to test on/,
    ],
    [
      'shares them, but not how many test images it has',
      { card: (card) => ({ ...card, test_images: null }) },
      honestly,
      /owner bob says that it shares metrics, but does not say how many images/,
    ],
  ] satisfies [string, Pick<Script, 'card'>, Script['train'], RegExp][])(
    'is refused: it %s',
    { timeout: 60_000 },
    async (name, more, train, line) => {
      const fed = await startFederation(['alice', 'bob'], data)
      fed.join('alice')
      const file = experiment(`evil-${name.replaceAll(/\W+/g, '-')}`, { env: 'H' })
      const server = fed.serve(file, '--run-id', 'net')
      const bob = await EvilOwner.open(fed.dir, 'bob', data)
      const work = bob.work({ ...more, train })
      const { code, err } = await server.ended
      await work
      expect([code, err.match(/error: .*/g)]).toEqual([4, [expect.stringMatching(line)]])
    },
  )

  it('does not end a run by accuracies that it does not send', { timeout: 60_000 }, async () => {
    const fed = await startFederation(['alice', 'bob'], data)
    fed.join('alice')
    const server = fed.serve(experiment('forced', { 'stop-at': 0.9 }), '--run-id', 'net')
    const bob = await EvilOwner.open(fed.dir, 'bob', data)
    const work = bob.work({ card: noMetrics, train: honestly })
    const { code, err } = await server.ended
    await work
    expect([code, err]).toEqual([
      4,
      expect.stringContaining('owner bob shares no metrics, but stop-at needs its accuracy'),
    ])
  })
})
