import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Finding } from '../../../src/doctor/finding.ts'
import { readWholeAuthority } from '../../../src/federation/setup/administrator.ts'
import { makeServerCertificate } from '../../../src/federation/setup/certificates.ts'
import { removeOwner } from '../../../src/federation/setup/change.ts'
import { initFederation } from '../../../src/federation/setup/init.ts'
import { clockFinding } from '../../../src/owner/check/account.ts'
import { checkOwner } from '../../../src/owner/check/check-owner.ts'
import { hasBroker } from '../../support/broker.ts'
import { fedunify } from '../../support/command-line.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { writeTinyIdx } from '../../support/idx.ts'
import { type Standing, serverOf, standing } from '../../support/parties.ts'

async function federation(): Promise<Standing> {
  const found = await standing()
  onTestFinished(() => found.close())
  return found
}

const alice = (dir: string) => join(dir, 'owners', 'alice')
const { signal } = new AbortController()
const look = (dir: string, more: object = {}) => checkOwner({ dir, data: undefined, shard: false, signal, ...more })
const of = (findings: readonly Finding[], subject: string) => findings.find((one) => one.subject === subject)
const subjects = (findings: readonly Finding[]) => findings.map(({ subject }) => subject)

describe.skipIf(!hasBroker)('an owner that looks whether it could take part', () => {
  it('is told so, before and after a server has been there', async () => {
    const { dir } = await federation()
    const data = temporaryFolder()
    writeTinyIdx(data, { train: 240, test: 60, rows: 12, cols: 12, classes: 4 })
    const { code, out, err } = await fedunify(['federation', 'check', '--federation', alice(dir), '--data', data])
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^folder +ok +owner 1, alice, of federation /m)
    expect(out).toMatch(/^data +ok +240 images to train on, 60 to test, 12x12; by class 0: \d+, 1: /m)
    expect(out).toMatch(/^onnx on cpu +(ok|warning) /m)
    expect(out).toMatch(/^broker +ok +nats-server \d\S+ at tls:\/\/localhost:\d+, with JetStream and TLS$/m)
    expect(out).toMatch(/^certificate +ok +valid until \S+, 29 days left$|^certificate +warning .* 29 days left$/m)
    expect(out).toMatch(/^account +ok +let in as owner 1$/m)
    expect(out).toMatch(/^tasks +absent +no server has been there yet/m)
    expect(out).toMatch(/\n\nthis owner could take part\n$/)
    await serverOf(dir, { streams: true })
    const { out: json } = await fedunify(['federation', 'check', '--federation', alice(dir), '--json'])
    const { format, ready, findings } = JSON.parse(json)
    expect([format, ready, of(findings, 'tasks')?.status, of(findings, 'data')?.status]).toEqual([
      1,
      true,
      'ok',
      'absent',
    ])
  })

  it('is told that the broker is away, and goes no further', async () => {
    const { dir, broker } = await federation()
    await broker.stop()
    const { code, out, err } = await fedunify(['federation', 'check', '--federation', alice(dir)])
    expect(code).toBe(2)
    expect(out).toMatch(/^broker +problem +tls:\/\/localhost:\d+ cannot be reached \(ECONNREFUSED\).*\n +try: nc /m)
    expect(out).not.toMatch(/^account/m)
    expect(err).toMatch(/^error: 1 problem: this owner could not take part\n/)
  })

  it('is told that it is out, if it was removed', async () => {
    const { dir, broker } = await federation()
    const kept = temporaryFolder()
    for (const name of ['federation.json', 'ca.pem', 'owner.nk']) {
      writeFileSync(join(kept, name), readFileSync(join(alice(dir), name)), { mode: 0o600 })
    }
    await removeOwner(dir, 'alice')
    await broker.reload()
    const findings = await look(kept)
    expect(of(findings, 'account')).toMatchObject({
      status: 'problem',
      detail: expect.stringContaining('does not know alice'),
    })
    expect(of(findings, 'policy')).toMatchObject({ status: 'absent' })
  })

  it('is told what is wrong with a certificate', async () => {
    const { dir, port, broker } = await federation()
    const other = join(temporaryFolder(), 'other')
    await initFederation(other, { owners: ['alice'], hosts: ['localhost'], port, days: 30 })
    const foreign = await look(alice(other))
    expect(of(foreign, 'certificate')).toMatchObject({
      status: 'problem',
      detail: expect.stringContaining("not of this federation's authority"),
    })
    expect(subjects(foreign)).not.toContain('account')

    const day = 86_400_000
    for (const [hosts, days, then, what] of [
      [['localhost'], 10, 0, /^valid until \S+, 9 days left$/],
      [['localhost'], 10, -20 * day, /^it expired on .*; it is \S+Z here$/],
      [['localhost'], 10, 20 * day, /^it is valid only from .*; it is \S+Z here$/],
      [['elsewhere.example'], 90, 0, /^it is for another name: /],
    ] as const) {
      const made = await makeServerCertificate(await readWholeAuthority(dir), hosts, days, Date.now() + then)
      writeFileSync(join(dir, 'broker', 'server.pem'), made.certificate)
      writeFileSync(join(dir, 'broker', 'server.key'), made.key)
      await broker.restart()
      const found = of(await look(alice(dir)), 'certificate')!
      expect(found.detail).toMatch(what)
      expect(found.status).toBe(then === 0 && days === 10 ? 'warning' : 'problem')
    }
  })
})

/** A federation whose broker is something else. */
async function posing(say: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.write(say)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const dir = join(temporaryFolder(), 'fed')
  const { port } = server.address() as AddressInfo
  await initFederation(dir, { owners: ['alice'], hosts: ['127.0.0.1'], port, days: 30 })
  return alice(dir)
}

describe('what answers at the address of the broker', () => {
  const info = (given: object) =>
    `INFO ${JSON.stringify({ version: '2.9.10', jetstream: true, tls_required: true, ...given })} \r\n`

  it.each([
    ['SSH-2.0-OpenSSH_9.2\r\n', / is no NATS broker$/],
    ['INFO {nonsense\r\n', / is no NATS broker$/],
    [info({ version: '2.8.4' }), / is nats-server 2\.8\.4, which is older than 2\.9$/],
    [info({ jetstream: false }), / without JetStream$/],
    [info({ tls_required: false }), / without TLS$/],
    ['', /cannot be reached \(no answer in time\)/],
    [info({}), /cannot be reached \(no answer in time\)/],
  ])('is named: %j', async (say, what) => {
    const findings = await look(await posing(say), { patience: 800 })
    expect(of(findings, 'broker')).toMatchObject({ status: 'problem', detail: expect.stringMatching(what) })
    expect(findings.at(-1)!.subject).toBe('broker')
  })

  it('is not asked if the address is none', async () => {
    const dir = join(temporaryFolder(), 'fed')
    await initFederation(dir, { owners: ['alice'], hosts: ['no-such-host.invalid'], port: 4222, days: 30 })
    const findings = await look(alice(dir))
    expect(of(findings, 'address')).toMatchObject({
      status: 'problem',
      detail: expect.stringContaining('no-such-host'),
    })
    expect(subjects(findings)).not.toContain('broker')
  })
})

describe('what an owner has itself', () => {
  it('is looked at whatever the rest is', async () => {
    const dir = alice(await posing(''))
    expect(of(await look(dir), 'folder')).toMatchObject({ status: 'problem' })
    const folder = await posing('')
    writeFileSync(join(folder, 'policy.yaml'), 'most: { rounds: none }\n')
    rmSync(join(folder, 'ca.pem'))
    const findings = await look(folder, { data: temporaryFolder(), patience: 5000 })
    expect(of(findings, 'folder')).toMatchObject({
      status: 'problem',
      detail: expect.stringContaining('ca.pem: it is missing'),
    })
    expect(of(findings, 'policy')).toMatchObject({ status: 'problem', detail: expect.stringContaining('rounds') })
    expect(of(findings, 'data')).toMatchObject({ status: 'problem', data: true })
    expect(of(findings, 'onnx on cpu')?.status).not.toBe('problem')
  })

  it('has a policy, of which it says what is kept', async () => {
    const folder = await posing('')
    writeFileSync(join(folder, 'policy.yaml'), 'share: { metrics: false }\n')
    expect(of(await look(folder, { patience: 5000 }), 'policy')).toEqual({
      subject: 'policy',
      status: 'ok',
      detail: 'limits nothing; keeps metrics (accuracies, losses, the number of images to test on)',
    })
  })

  it('tells the clock apart by minutes', () => {
    const here = Date.now()
    expect(clockFinding(here - 2000, here)).toEqual({
      subject: 'clock',
      status: 'ok',
      detail: "2.0 s ahead of the broker's",
    })
    expect(clockFinding(here + 7_200_000, here)).toMatchObject({
      status: 'warning',
      detail: "2 h 0 min behind the broker's",
    })
  })
})
