import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isEarly, timeFault } from '../../../src/federation/nats/certificate.ts'
import { readWholeAuthority } from '../../../src/federation/setup/administrator.ts'
import { makeAuthority, makeServerCertificate } from '../../../src/federation/setup/certificates.ts'
import { BINARY, type Ended, runBinary, start } from '../../support/binary.ts'
import { hasBroker } from '../../support/broker.ts'
import { workshop } from '../../support/experiment.ts'
import { type Standing, standing } from '../../support/parties.ts'
import { reachBy, slowNetwork } from '../../support/slow-network.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const DAY = 86_400_000
/** libfaketime, by which a program believes another time. */
const hasFaketime = !spawnSync('faketime', ['--version']).error

async function federation(): Promise<Standing> {
  const found = await standing()
  onTestFinished(() => found.close())
  return found
}

const ownerFolder = (dir: string, owner = 'alice') => join(dir, 'owners', owner)
const joins = (dir: string, owner?: string) => ['join', '--federation', ownerFolder(dir, owner), '--data', data]

/** What ends by itself, for each party of a federation. */
function commands(dir: string): string[][] {
  return [
    joins(dir),
    ['serve', experiment('faults'), '--federation', join(dir, 'server')],
    ['federation', 'status', '--federation', join(dir, 'server')],
    ['federation', 'check', '--federation', ownerFolder(dir)],
  ]
}

/** The same for the queue of a batch. */
function queueCommands({ dir, port }: Standing): string[][] {
  const server = join(dir, 'server')
  const at = ['--on', `tls://localhost:${port}`, '--ca', join(server, 'ca.pem'), '--nkey', join(server, 'server.nk')]
  return [
    ['worker', ...at],
    ['batch', experiment('faults'), ...at],
  ]
}

async function endedOf(all: readonly string[][]): Promise<(Ended & { readonly name: string })[]> {
  return await Promise.all(all.map(async (args) => ({ ...(await runBinary(args)), name: args.slice(0, 2).join(' ') })))
}

/** Gives the broker another certificate, and starts it again. */
async function certify({ dir, broker }: Standing, authority: { certificate: string; key: string }, then: number) {
  const made = await makeServerCertificate(authority, ['localhost'], 10, Date.now() + then)
  writeFileSync(join(dir, 'broker', 'server.pem'), made.certificate)
  writeFileSync(join(dir, 'broker', 'server.key'), made.key)
  await broker.restart()
}

async function expectAll(all: readonly string[][], what: RegExp, hint: RegExp): Promise<void> {
  for (const { name, code, out, err } of await endedOf(all)) {
    expect([name, code]).toEqual([name, 2])
    expect(`${name}: ${err}${out}`).toMatch(what)
    expect(`${name}: ${err}`).toMatch(hint)
    expect(err.match(/^error: /gm), name).toHaveLength(1)
  }
}

describe.skipIf(!hasBroker)(
  'every party says what is wrong with the certificate of the broker',
  {
    timeout: 60_000,
  },
  () => {
    it('if it has expired', async () => {
      const fed = await federation()
      await certify(fed, await readWholeAuthority(fed.dir), -20 * DAY)
      const all = [...commands(fed.dir), ...queueCommands(fed)]
      await expectAll(all, /expired .*it is \S+Z here/, /^hint: renew .*; or set the clock of this machine/m)
    })

    it('if it is not valid yet', async () => {
      const fed = await federation()
      await certify(fed, await readWholeAuthority(fed.dir), 2 * DAY)
      const all = [...commands(fed.dir), ...queueCommands(fed)]
      await expectAll(
        all,
        /(not valid yet|valid only from) .*it is \S+Z here/,
        /^hint: set the clock of this machine if /m,
      )
    })

    it('if another authority made it', async () => {
      const fed = await federation()
      await certify(fed, await makeAuthority('elsewhere', 10), 0)
      await expectAll(commands(fed.dir), /another authority|not of this federation's authority/, /^hint: .*federation/m)
      await expectAll(queueCommands(fed), /that is not trusted/, /^hint: name the authority that signed it with --ca/m)
    })

    it.skipIf(!hasFaketime)('if the clock here is wrong by days', async () => {
      const { dir } = await federation()
      const at = (time: string, owner: string) => {
        const command = ['faketime', '-f', time, process.execPath, BINARY] as const
        return runBinary(joins(dir, owner), { command: [...command] })
      }
      const [early, late] = await Promise.all([at('-2d', 'alice'), at('+400d', 'bob')])
      expect([early.code, early.err]).toEqual([2, expect.stringContaining('is not valid yet')])
      expect(early.err).toContain('hint: the clock of this machine is wrong: the authority was made later than it says')
      expect([late.code, late.err]).toEqual([2, expect.stringContaining('has expired')])
      expect(late.err).toContain('or set the clock of this machine, if it is wrong')
    })

    it('while they are connected, once it is lost', async () => {
      const fed = await federation()
      const owner = start(joins(fed.dir))
      onTestFinished(() => void owner.child.kill('SIGKILL'))
      await owner.says('waiting for an experiment')
      await certify(fed, await readWholeAuthority(fed.dir), -20 * DAY)
      await owner.says('lost the broker at')
      await owner.says(/shows a certificate that has expired .*; renew it /)
      await certify(fed, await readWholeAuthority(fed.dir), 0)
      await owner.says(/connected to tls:\S+ again/)
    })
  },
)

describe('a certificate out of its time', () => {
  it('shows that the clock is wrong if its authority was made later', async () => {
    const { certificate: ca } = await makeAuthority('id', 10)
    const then = new Date(Date.now() - 2 * DAY)
    expect(timeFault(isEarly('certificate is not yet valid'), ca, 'renew it', then).hint).toMatch(
      /^the clock of this machine is/,
    )
    expect(timeFault(isEarly('certificate is not yet valid'), ca, 'renew it').hint).toMatch(
      /if it is wrong: .*; else renew it$/,
    )
    expect(timeFault(isEarly('certificate has expired'), undefined, 'renew it').hint).toMatch(
      /^renew it; or set the clock/,
    )
  })
})

describe.skipIf(!hasBroker)('every party says that the broker cannot be used', { timeout: 60_000 }, () => {
  it('if it has no JetStream', async () => {
    const fed = await federation()
    const conf = join(fed.dir, 'broker', 'nats.conf')
    writeFileSync(conf, readFileSync(conf, 'utf8').replace(/^jetstream \{[^}]*\}/m, ''))
    await fed.broker.restart()
    await expectAll(
      commands(fed.dir),
      /nats-server \S+ without JetStream/,
      /^hint: start it in its folder with its own/m,
    )
    await expectAll(queueCommands(fed), /the broker has no JetStream/, /^hint: start it with: nats-server -js/m)
  })

  it('if it is too old', async () => {
    const { dir, port } = await federation()
    const old = await slowNetwork(port, { greeting: (text) => text.replace(/"version":"[^"]*"/, '"version":"2.8.4"') })
    reachBy(join(dir, 'server'), old.port)
    reachBy(ownerFolder(dir), old.port)
    await expectAll(
      commands(dir),
      /nats-server 2\.8\.4, which is older than 2\.9/,
      /^hint: install a newer nats-server/m,
    )
  })

  it('if something else answers there', async () => {
    const { dir } = await federation()
    const server = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const port = await listening(server)
    reachBy(join(dir, 'server'), port)
    reachBy(ownerFolder(dir), port)
    const worker = ['worker', '--on', `nats://127.0.0.1:${port}`]
    await expectAll([...commands(dir), worker], /is no NATS broker/, /^hint: compare host and port/m)
  })
})

describe.skipIf(!hasBroker)('an owner waits for a broker, says why, and can be stopped', { timeout: 60_000 }, () => {
  it.each([
    ['none is there', 0, /waiting for the broker at \S+: connection refused: is it started, at this port\?/],
    ['a web server is there', 1, /waiting for the broker at \S+: what answers there says nothing, as no broker does/],
    ['its host is none', 2, /waiting for the broker at \S+: no such host/],
  ])('if %s', async (_, kind, says) => {
    const { dir, broker } = await federation()
    await broker.stop()
    if (kind === 1) reachBy(ownerFolder(dir), await listening(createHttpServer()))
    if (kind === 2) {
      const file = join(ownerFolder(dir), 'federation.json')
      writeFileSync(file, readFileSync(file, 'utf8').replace('tls://localhost', 'tls://no-such-host.invalid'))
    }
    const owner = start(joins(dir))
    await owner.says(says)
    owner.child.kill('SIGINT')
    expect((await owner.ended).code).toBe(130)
  })
})

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}
