import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { resolveExperiment } from '../../../src/config/resolve.ts'
import { objectSource } from '../../../src/config/source.ts'
import { initialWeights } from '../../../src/model/init.ts'
import { buildModel } from '../../../src/model/model.ts'
import { hasBroker } from '../../support/broker.ts'
import { EvilServer } from '../../support/evil-server.ts'
import { SMALL_MODEL, workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const ASKS = { metrics: true, labels: true }

/** As an honest server sends it. */
const sent = (): Record<string, unknown> => parse(readFileSync(experiment('sent', { env: 'H' }), 'utf8'))
const invite = (more: object = {}) => ({ what: 'invite', experiment: { ...sent(), ...more }, asks: ASKS, committed: 0 })

const { model: layers } = resolveExperiment([objectSource({ model: SMALL_MODEL })])
const model = buildModel(layers as never, [1, 12, 12], 4)
const weights = (seed: number) => initialWeights(model, seed, 1)

async function scene() {
  const fed = await startFederation(['alice', 'bob'], data)
  const server = await EvilServer.open(fed.dir)
  const alice = fed.join('alice')
  await alice.says('waiting for an experiment')
  return { fed, server, alice, runs: join(fed.dir, 'owners', 'alice', 'runs') }
}

describe.skipIf(!hasBroker)('an owner', () => {
  it('does nothing that is not the word of its server to it', { timeout: 60_000 }, async () => {
    const { server, alice, fed, runs } = await scene()
    const strange: [string | Uint8Array, RegExp][] = [
      ['no JSON', /refused: a message of the server cannot be read/],
      [
        server.task('r', invite(), generateKeyPairSync('ed25519').privateKey),
        /refused: a message of the server is not signed by its key/,
      ],
      [server.task('r', { ...invite(), federation: 'another' }), /refused: a task that is for somebody else/],
      [server.task('r', { ...invite(), owner: 2 }), /refused: a task that is for somebody else/],
      [server.task('r', { ...invite(), format: 2 }), /of the server is of protocol 2 /],
      ...['..', '../../../evil', '/tmp/evil', 'a/b', 'a\\b', 'a.b', '', 'x\n', 'x'.repeat(81), '\u0000'].map(
        (run): [Uint8Array, RegExp] => [server.task(run, invite()), /is not of this protocol: run: /],
      ),
      [server.task('r', { ...invite(), what: 'erase' }), /is not of this protocol: what/],
    ]
    for (const [bytes] of strange) {
      await server.send(bytes)
      // One message of a subject takes the place of the one before.
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    expect(await server.ask('good', invite())).toMatchObject({ what: 'card' })
    expect(server.answers).toBe(1)
    alice.child.kill('SIGTERM')
    const { err } = await alice.ended
    for (const [, line] of strange) expect(err).toMatch(line)
    expect(err.match(/is not of this protocol: run/g)).toHaveLength(10)
    expect(readdirSync(runs)).toEqual(['good'])
    expect(readdirSync(join(fed.dir, 'owners', 'alice')).sort()).toEqual(
      ['ca.pem', 'federation.json', 'ledger.jsonl', 'owner.nk', 'owners.json', 'policy.yaml', 'runs'].sort(),
    )
  })

  it('takes nothing from an experiment that names a file, or has no end', { timeout: 60_000 }, async () => {
    const { server } = await scene()
    const trap = join(folder, 'trap.mjs')
    const sprung = join(folder, 'sprung')
    writeFileSync(trap, `import { writeFileSync } from 'node:fs'\nwriteFileSync(${JSON.stringify(sprung)}, '')\n`)
    const huge = [{ type: 'flatten' }, ...Array(20).fill({ type: 'dense', units: 65_000 })]
    const bad: [object, object][] = [
      [{ merge: [trap] }, { code: 'E_CONFIG' }],
      [{ sink: 'ndjson' }, { code: 'E_UNKNOWN_NAME', message: expect.stringContaining('sink') }],
      [{ 'local-epochs': 1e9 }, { code: 'E_POLICY' }],
      [{ 'until-local-accuracy': 1, 'max-local-epochs': 1e9 }, { code: 'E_POLICY' }],
      [{ model: [...huge, { type: 'dense', units: 4 }] }, { code: 'E_MEMORY' }],
      [{ dataset: { idx: { dir: '/etc' } } }, { code: 'E_UNKNOWN_NAME' }],
      [{ objective: { fedprox: { mu: 'x' } } }, { code: 'E_CONFIG' }],
    ]
    for (const [more, failed] of bad) {
      expect(await server.ask('bad', invite(more)), JSON.stringify(more)).toMatchObject({ what: 'failed', ...failed })
    }
    const own = { data: '/etc', out: join(folder, 'evil-out'), workers: 1e3, engine: 'tfjs', device: 'cuda', name: 'x' }
    expect(await server.ask('good', invite(own))).toMatchObject({
      what: 'card',
      engine: { name: 'onnx', device: 'cpu' },
    })
    const refused = await server.ask('good', { ...invite(), fedunify: '9.9' })
    expect(refused).toMatchObject({ what: 'refused', reasons: [expect.stringContaining('fedunify 9.9, this owner')] })
    expect([sprung, join(folder, 'evil-out')].map(existsSync)).toEqual([false, false])
  })

  it('trains no other model, and no round again that is done', { timeout: 60_000 }, async () => {
    const { server, alice, runs } = await scene()
    await server.ask('r', invite())
    const round = { what: 'train', attempt: 0, lr: 0.05, instruction: null, evaluate: true, evaluate_received: false }
    const train = async (n: number, more: object = {}) =>
      await server.ask('r', { ...round, round: n, committed: n - 1, model: await server.put('r', weights(n)), ...more })
    const model = await server.put('r', weights(1))
    const claims = { ...model, bytes: 4e9, chunks: Math.ceil(4e9 / 2 ** 20) }
    expect(await train(1, { model: claims })).toMatchObject({ what: 'failed', code: 'E_PAYLOAD' })
    expect(await train(1, { model: { ...model, sha256: 'a'.repeat(64) } })).toMatchObject({ code: 'E_PAYLOAD' })
    const other = await server.put('r', new Map([...weights(1)].slice(1)))
    expect(await train(1, { model: other })).toMatchObject({ what: 'failed', code: 'E_OWNER_REFUSED' })
    const nan = new Map([...weights(1)].map(([name, { shape, data: d }]) => [name, { shape, data: d.map(() => NaN) }]))
    expect(await train(1, { model: await server.put('r', nan) })).toMatchObject({ code: 'E_OWNER_REFUSED' })

    const old = server.task('r', { ...round, round: 1, committed: 0, model })
    await server.send(old)
    await alice.says('round 1: trained')
    expect(await train(2)).toMatchObject({ what: 'update', round: 2 })
    expect(await train(3)).toMatchObject({ what: 'update', round: 3 })
    const kept = () => readdirSync(join(runs, 'r')).sort()
    expect(kept()).toEqual(['invite.json', 'state-2.bin', 'state-3.bin', 'update-3.bin'])

    const answers = server.answers
    await server.send(old)
    await alice.says('refused: a task of an earlier round, sent again')
    const forged = { ...round, round: 9, committed: 8, model }
    await server.send(server.task('r', forged, generateKeyPairSync('ed25519').privateKey))
    await alice.says('not signed by its key')
    expect([server.answers, kept()]).toEqual([answers, ['invite.json', 'state-2.bin', 'state-3.bin', 'update-3.bin']])
  })
})
