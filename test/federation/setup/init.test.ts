import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readOwnerFolder, readServerFolder } from '../../../src/federation/setup/folders.ts'
import { type InitOptions, initFederation } from '../../../src/federation/setup/init.ts'
import { publicKey, publicKeyOf } from '../../../src/federation/setup/keys.ts'
import { readOwnerKeys } from '../../../src/federation/setup/owner-keys.ts'
import { temporaryFolder } from '../../support/folder.ts'

async function made(options: Partial<InitOptions> = {}): Promise<string> {
  const dir = join(temporaryFolder(), 'a', 'fed')
  await initFederation(dir, { owners: ['alice', 'bob'], hosts: ['localhost'], port: 4222, days: 30, ...options })
  return dir
}

const filesOf = (dir: string) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(dir.length + 1))
    .sort()

const text = (...path: string[]) => readFileSync(join(...path), 'utf8')
const certificate = (...path: string[]) => new X509Certificate(text(...path))

describe('a new federation', () => {
  it('has a folder for each party, and nothing else', async () => {
    const dir = await made()
    const owner = ['ca.pem', 'federation.json', 'owner.nk', 'owners.json', 'policy.yaml']
    expect(filesOf(dir)).toEqual([
      ...['accounts.conf', 'ca.pem', 'nats.conf', 'server.key', 'server.pem'].map((name) => `broker/${name}`),
      ...['ca.key', 'ca.pem', 'federation.json'].map((name) => `ca/${name}`),
      ...owner.map((name) => `owners/alice/${name}`),
      ...owner.map((name) => `owners/bob/${name}`),
      ...['ca.pem', 'federation.json', 'server.nk'].map((name) => `server/${name}`),
    ])
    expect(readdirSync(dir)).toHaveLength(4)
  })

  it('has secrets that only their folder holds, for one user alone', async () => {
    const dir = await made()
    const secrets = filesOf(dir).filter((file) => /\.(key|nk)$/.test(file))
    expect(secrets).toHaveLength(5)
    for (const secret of secrets) {
      if (process.platform !== 'win32') expect(statSync(join(dir, secret)).mode & 0o777, secret).toBe(0o600)
      const kept = text(dir, secret).trim()
      const holding = filesOf(dir).filter((file) => text(dir, file).includes(kept.split('\n')[1] ?? kept))
      expect(holding).toEqual([secret])
    }
  })

  it('tells each party who it is and whom it deals with', async () => {
    const dir = await made()
    const server = await readServerFolder(join(dir, 'server'))
    const bob = await readOwnerFolder(join(dir, 'owners', 'bob'))
    const alice = await readOwnerFolder(join(dir, 'owners', 'alice'))
    expect([alice.owner, alice.name, bob.owner, bob.name]).toEqual([1, 'alice', 2, 'bob'])
    expect(server.owners).toEqual(
      [alice, bob].map(({ owner, name, seed }) => ({ owner, name, publicKey: publicKeyOf(seed) })),
    )
    for (const party of [alice, bob]) {
      expect(party).toMatchObject({ federation: server.federation, url: 'tls://localhost:4222', ca: server.ca })
      expect(party.serverKey).toBe(publicKeyOf(server.seed))
    }
    expect(JSON.parse(text(dir, 'owners', 'bob', 'federation.json'))).toEqual({
      format: 1,
      role: 'owner',
      federation: server.federation,
      url: 'tls://localhost:4222',
      owner: 2,
      name: 'bob',
      public_key: bob.publicKey,
      server: { public_key: server.publicKey },
    })
  })

  it('tells each owner by which keys it knows the others, so that no server has to be asked', async () => {
    const dir = await made()
    const [alice, bob] = await Promise.all(['alice', 'bob'].map((name) => readOwnerFolder(join(dir, 'owners', name))))
    for (const [name, folder] of [
      ['alice', alice!],
      ['bob', bob!],
    ] as const) {
      const keys = await readOwnerKeys(join(dir, 'owners', name), folder)
      expect([...keys].map(([owner, key]) => [owner, key.equals(publicKey([alice!, bob!][owner - 1]!.publicKey))])).toEqual([[1, true], [2, true]]) // biome-ignore format: one line
    }
  })

  it('is another one each time', async () => {
    const [one, two] = await Promise.all([made(), made()])
    const [a, b] = await Promise.all([one, two].map((dir) => readServerFolder(join(dir, 'server'))))
    expect([a!.federation, a!.seed, a!.ca]).not.toEqual([b!.federation, b!.seed, b!.ca])
    expect(a!.federation).not.toBe(b!.federation)
  })
})

describe("the broker's certificate", () => {
  it('is signed by the authority, which signs no other authority', async () => {
    const dir = await made()
    const [ca, server] = [certificate(dir, 'ca', 'ca.pem'), certificate(dir, 'broker', 'server.pem')]
    expect([ca.ca, server.ca]).toEqual([true, false])
    expect([ca.verify(ca.publicKey), server.verify(ca.publicKey), server.checkIssued(ca)]).toEqual([true, true, true])
    for (const folder of ['broker', 'server', 'owners/alice']) expect(text(dir, folder, 'ca.pem')).toBe(ca.toString())
  })

  it('names all hosts, and this machine', async () => {
    const dir = await made({ hosts: ['broker.example.org', '192.0.2.7', '2001:db8::7'] })
    const server = certificate(dir, 'broker', 'server.pem')
    expect(server.checkHost('broker.example.org')).toBe('broker.example.org')
    expect(server.checkHost('localhost')).toBe('localhost')
    for (const address of ['192.0.2.7', '2001:db8::7', '127.0.0.1']) expect(server.checkIP(address)).toBe(address)
    expect([server.checkHost('example.org'), server.checkIP('192.0.2.8')]).toEqual([undefined, undefined])
    expect((await readServerFolder(join(dir, 'server'))).url).toBe('tls://broker.example.org:4222')
  })

  it('begins an hour ago, and ends with its authority at the latest', async () => {
    const days = (of: X509Certificate) => (Date.parse(of.validTo) - Date.now()) / 86_400_000
    const short = await made({ days: 30 })
    const server = certificate(short, 'broker', 'server.pem')
    expect((Date.now() - Date.parse(server.validFrom)) / 3_600_000).toBeCloseTo(1, 1)
    expect(days(server)).toBeCloseTo(30, 1)
    expect(days(certificate(short, 'ca', 'ca.pem'))).toBeCloseTo(3650, 1)
    const long = await made({ days: 9000 })
    expect(days(certificate(long, 'ca', 'ca.pem'))).toBeCloseTo(9000, 1)
    expect(days(certificate(long, 'broker', 'server.pem'))).toBeCloseTo(9000, 1)
  })
})

describe('the configuration of the broker', () => {
  it('has relative paths alone, and no monitoring page unless asked for', async () => {
    const dir = await made()
    const conf = text(dir, 'broker', 'nats.conf')
    expect(conf).not.toContain(dir)
    expect(conf).toContain('listen: "0.0.0.0:4222"')
    expect(conf).not.toMatch(/^http/m)
    expect(text(await made({ monitor: 8222 }), 'broker', 'nats.conf')).toContain('http: "127.0.0.1:8222"')
  })
})

describe('the folder of a federation', () => {
  const options = { owners: ['alice'], hosts: ['localhost'], port: 4222, days: 30 }

  it('may be there if it is empty', async () => {
    const dir = temporaryFolder()
    await initFederation(dir, options)
    expect(readdirSync(dir).sort()).toEqual(['broker', 'ca', 'owners', 'server'])
  })

  it('is refused if something is in it, or if it is a file', async () => {
    const dir = temporaryFolder()
    const file = join(dir, 'notes.txt')
    writeFileSync(file, 'mine')
    await expect(initFederation(dir, options)).rejects.toMatchObject({ code: 'E_FILE_EXISTS', exitCode: 2 })
    await expect(initFederation(file, options)).rejects.toMatchObject({ message: `${file} is a file` })
    expect(filesOf(dir)).toEqual(['notes.txt'])
  })

  it.skipIf(process.getuid?.() === 0)('is not begun if it cannot be written', async () => {
    const above = temporaryFolder()
    chmodSync(above, 0o500)
    const dir = join(above, 'fed')
    await expect(initFederation(dir, options)).rejects.toMatchObject({ code: 'E_FILE_UNWRITABLE' })
    expect(readdirSync(above)).toEqual([])
  })

  it('is not there if something went wrong halfway', async () => {
    const above = temporaryFolder()
    mkdirSync(join(above, 'fed'))
    // Longer than a file name may be.
    const owners = ['alice', 'x'.repeat(300)]
    await expect(initFederation(join(above, 'fed'), { ...options, owners })).rejects.toMatchObject({
      code: 'E_FILE_UNWRITABLE',
      message: `${join(above, 'fed')} cannot be written (ENAMETOOLONG)`,
    })
    expect(readdirSync(join(above, 'fed'))).toEqual([])
    await expect(initFederation(join(above, 'new'), { ...options, owners })).rejects.toThrow()
    expect(readdirSync(above)).toEqual(['fed'])
  })
})
