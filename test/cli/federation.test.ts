import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'

async function made(): Promise<string> {
  const dir = join(temporaryFolder(), 'fed')
  expect(await fedunify(['federation', 'init', dir, '--owners', 'alice,bob'])).toMatchObject({ code: 0, err: '' })
  return dir
}

const at = (dir: string) => ['--federation', dir]

/** All files of a folder with what they hold. */
const contents = (dir: string) =>
  Object.fromEntries(
    readdirSync(dir, { recursive: true })
      .map((name) => join(dir, String(name)))
      .filter((path) => statSync(path).isFile())
      .map((path) => [path, readFileSync(path, 'utf8')]),
  )

describe('federation init', () => {
  it('says what goes where', async () => {
    const dir = join(temporaryFolder(), 'fed')
    const { out } = await fedunify(['federation', 'init', dir, '--owners', 'alice,bob'])
    expect(out).toBe(
      `${dir}: a federation of 2, new keys for each party\n` +
        `  ${dir}/ca: stays with you\n` +
        `  ${dir}/broker: for the machine of the broker; there: nats-server -c nats.conf\n` +
        `  ${dir}/server: for fedunify serve\n` +
        `  ${dir}/owners/alice: for owner 1, alice\n` +
        `  ${dir}/owners/bob: for owner 2, bob\n`,
    )
  })

  it.each([
    [['--owners', 'Alice'], '"Alice" is no name of an owner'],
    [['--owners', 'alice,'], '"" is no name of an owner'],
    [['--owners', '../x'], '"../x" is no name of an owner'],
    [['--owners', 'x'.repeat(33)], `"${'x'.repeat(33)}" is no name of an owner`],
    [['--owners', 'alice,bob,alice'], '--owners: "alice" comes twice'],
    [['--owners', 'alice', '--host', 'a b'], '--host: "a b" is no name of a machine, and no IP address'],
    [['--owners', 'alice', '--host', '300.1.1.1'], '--host: "300.1.1.1" is no name of a machine, and no IP address'],
    [['--owners', 'alice', '--host', 'tls://x'], '--host: "tls://x" is no name of a machine, and no IP address'],
    [['--owners', 'alice', '--host', 'x,'], '--host: "" is no name of a machine, and no IP address'],
    [['--owners', 'alice', '--port', '0'], '--port: expected a whole number from 1 to 65535, got "0"'],
    [['--owners', 'alice', '--port', '1e3'], '--port: expected a whole number from 1 to 65535, got "1e3"'],
    [['--owners', 'alice', '--port', '65536'], '--port: expected a whole number from 1 to 65535, got "65536"'],
    [['--owners', 'alice', '--days', '-1'], '--days: expected a whole number from 1 to 36500, got "-1"'],
    [['--owners', 'alice', '--monitor', '4222'], '--monitor 4222 is the port of the broker'],
    [[], "required option '--owners <names>' not specified"],
  ])('refuses %j in one line', async (args, message) => {
    const dir = join(temporaryFolder(), 'fed')
    const { code, out, err } = await fedunify(['federation', 'init', dir, ...args])
    expect([code, out]).toEqual([2, ''])
    expect(err.split('\n')[0]).toBe(`error: ${message}`)
    expect(existsSync(dir)).toBe(false)
  })

  it('refuses a folder that is in use', async () => {
    const dir = await made()
    const before = contents(dir)
    const { code, err } = await fedunify(['federation', 'init', dir, '--owners', 'carol'])
    expect(code).toBe(2)
    expect(err).toBe(
      `error: ${dir} is there already, and is not empty\n` +
        'hint: name a new folder; owners are added to a federation by fedunify federation add\n',
    )
    expect(contents(dir)).toEqual(before)
  })
})

describe('federation keys', () => {
  it('gives the owners of an earlier federation the keys of each other, and changes nothing else', async () => {
    const dir = await made()
    const before = contents(dir)
    for (const name of ['alice', 'bob']) rmSync(join(dir, 'owners', name, 'owners.json'))
    expect(await fedunify(['federation', 'keys', ...at(dir)])).toEqual({
      code: 0,
      err: '',
      out:
        'the public keys of 2 owners, written anew\n' +
        `  ${dir}/owners/alice/owners.json: for owner 1\n  ${dir}/owners/bob/owners.json: for owner 2\n`,
    })
    expect(contents(dir)).toEqual(before)
  })
})

describe('federation add and remove', () => {
  it('give each owner a number of its own for good', async () => {
    const dir = await made()
    const add = await fedunify(['federation', 'add', 'carol', ...at(dir)])
    expect(add).toMatchObject({ code: 0, err: '' })
    expect(add.out).toBe(
      `carol is owner 3: hand over ${dir}/owners/carol\n` +
        `${dir}/broker/accounts.conf, ${dir}/server/federation.json: written anew\n` +
        'owners.json in the folder of each owner: written anew, for masked sums\n' +
        'the broker must read its files again: kill -HUP PID; sleep 1; kill -HUP PID\n',
    )
    const remove = await fedunify(['federation', 'remove', 'carol', ...at(dir)])
    expect(remove.out).toMatch(/^carol, owner 3, is out\n/)
    expect(existsSync(join(dir, 'owners', 'carol'))).toBe(false)
    expect((await fedunify(['federation', 'add', 'dave', ...at(dir)])).out).toMatch(/^dave is owner 4: /)
    const { out } = await fedunify(['federation', 'show', ...at(dir), '--json'])
    expect(JSON.parse(out).owners.map((one: { owner: number; name: string }) => [one.owner, one.name])).toEqual([
      [1, 'alice'],
      [2, 'bob'],
      [4, 'dave'],
    ])
  })

  it('leave what an owner added to its folder', async () => {
    const dir = await made()
    const folder = join(dir, 'owners', 'bob')
    writeFileSync(join(folder, 'notes.txt'), 'mine')
    writeFileSync(join(folder, 'policy.yaml'), 'mine')
    const { out } = await fedunify(['federation', 'remove', 'bob', ...at(dir)])
    expect(out).toContain(`${folder}: kept what is not of fedunify\n`)
    expect(readdirSync(folder).sort()).toEqual(['notes.txt', 'policy.yaml'])
    const { code, err } = await fedunify(['federation', 'add', 'bob', ...at(dir)])
    expect(code).toBe(2)
    expect(err).toContain(`error: ${folder} is there already, and is not empty\n`)
  })

  it('need not have the folders of other parties, which may have been moved', async () => {
    const dir = await made()
    for (const folder of ['broker', 'server', 'owners']) rmSync(join(dir, folder), { recursive: true })
    expect(await fedunify(['federation', 'add', 'carol', ...at(dir)])).toMatchObject({ code: 0 })
    expect(await fedunify(['federation', 'remove', 'alice', ...at(dir)])).toMatchObject({ code: 0 })
    expect(JSON.parse(readFileSync(join(dir, 'server', 'federation.json'), 'utf8')).owners).toMatchObject([
      { owner: 2, name: 'bob' },
      { owner: 3, name: 'carol' },
    ])
  })

  it.each([
    [['add', 'alice'], 2, 'alice is owner 1 already', 'choose another name'],
    [
      ['add', 'Carol'],
      2,
      '"Carol" is no name of an owner',
      'a name has 1 to 32 small letters, digits and dashes, as in',
    ],
    [['remove', 'bbo'], 2, 'unknown owner "bbo": expected one of alice, bob', 'did you mean bob?'],
    [['add', 'carol', '--pid', 'none.pid'], 2, '--pid: none.pid is no number and no file', 'the broker writes'],
    [['add', 'carol', '--pid', '0'], 2, '--pid: 0 is no process of a broker', undefined],
    [['add', 'carol', '--pid', '4194305'], 2, 'no process 4194305 runs', 'the broker reads its configuration when'],
    [['renew', '--days', '0'], 2, '--days: expected a whole number from 1 to 36500, got "0"', undefined],
  ])('refuse %j and change nothing', async (args, exit, message, hint) => {
    const dir = await made()
    const before = contents(dir)
    const { code, out, err } = await fedunify(['federation', ...args, ...at(dir)])
    expect([code, out]).toEqual([exit, ''])
    expect(err).toContain(`error: ${message}\n`)
    if (hint !== undefined) expect(err).toContain(`hint: ${hint}`)
    expect(contents(dir)).toEqual(before)
  })

  it('change nothing if one of the files cannot be written', async () => {
    const dir = await made()
    rmSync(join(dir, 'server'), { recursive: true })
    writeFileSync(join(dir, 'server'), 'a file')
    const before = contents(dir)
    const { code, err } = await fedunify(['federation', 'add', 'carol', ...at(dir)])
    expect(code).toBe(2)
    expect(err).toContain(`error: ${join(dir, 'server', 'federation.json')} cannot be written (EEXIST)\n`)
    expect(contents(dir)).toEqual(before)
    expect((await fedunify(['federation', 'remove', 'bob', ...at(dir)])).code).toBe(2)
    expect(contents(dir)).toEqual(before)
  })

  it.skipIf(process.platform !== 'linux')('do not send a signal to what is no broker', async () => {
    const dir = await made()
    const { code, err } = await fedunify(['federation', 'add', 'carol', ...at(dir), '--pid', String(process.pid)])
    expect(code).toBe(2)
    expect(err).toMatch(/error: process \d+ is \S+.*, not nats-server\nhint: name the process of the broker\n/)
  })
})

describe.each([['add', 'carol'], ['remove', 'alice'], ['renew'], ['show']])('federation %s', (...args) => {
  it('needs the folder of the administrator', async () => {
    const dir = await made()
    rmSync(join(dir, 'ca'), { recursive: true })
    const before = contents(dir)
    const { code, err } = await fedunify(['federation', ...args, ...at(dir)])
    expect([code, err]).toEqual([
      2,
      `error: ${dir} has no folder ca: only who has it can change the federation or show it\n` +
        'hint: name the folder that fedunify federation init made\n',
    ])
    expect(contents(dir)).toEqual(before)
  })
})

describe('federation renew', () => {
  it('writes a certificate and a key, and says until when', async () => {
    const dir = await made()
    const { 'server.pem': pem, 'server.key': key } = files(dir)
    const { code, out } = await fedunify(['federation', 'renew', ...at(dir), '--days', '10'])
    const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
    expect([code, out]).toEqual([
      0,
      `${dir}/broker: a new certificate, valid until ${day(10)}\n` +
        `its authority is valid until ${day(3650)}\n` +
        'the broker must read its files again: kill -HUP PID; sleep 1; kill -HUP PID\n',
    ])
    expect(files(dir)['server.pem']).not.toBe(pem)
    expect(files(dir)['server.key']).not.toBe(key)
    expect(statSync(join(dir, 'broker', 'server.key')).mode & 0o777).toBe(0o600)
  })

  const files = (dir: string) =>
    Object.fromEntries(readdirSync(join(dir, 'broker')).map((f) => [f, readFileSync(join(dir, 'broker', f), 'utf8')]))

  it('needs the key of the authority', async () => {
    const [dir, other] = [await made(), await made()]
    const key = join(dir, 'ca', 'ca.key')
    writeFileSync(key, readFileSync(join(other, 'ca', 'ca.key')))
    const wrong = await fedunify(['federation', 'renew', ...at(dir)])
    expect(wrong).toMatchObject({
      code: 3,
      err: expect.stringContaining(`error: ${key}: it is not the key of ca.pem\n`),
    })
    rmSync(key)
    const none = await fedunify(['federation', 'renew', ...at(dir)])
    expect(none).toMatchObject({ code: 3, err: `error: ${key}: it is missing\nhint: restore it from a backup\n` })
  })
})

describe('federation show', () => {
  it('lists the parties, and when certificates expire', async () => {
    const dir = await made()
    const { code, out } = await fedunify(['federation', 'show', ...at(dir)])
    expect(code).toBe(0)
    const [head, , columns, ...rows] = out.trimEnd().split('\n')
    expect(head).toMatch(/^federation [0-9a-f]{12} at tls:\/\/localhost:4222$/)
    expect(columns).toMatch(/^party +owner +public key$/)
    expect(rows.slice(0, 3).map((row) => row.split(/ {2,}/)[0])).toEqual(['server', 'alice', 'bob'])
    expect(rows.slice(-2).join('\n')).toMatch(
      /^the broker's certificate: valid until \d{4}-\d\d-\d\d \(82[45] days left\)\nits authority: valid until .* left\)$/,
    )
    rmSync(join(dir, 'broker'), { recursive: true })
    expect((await fedunify(['federation', 'show', ...at(dir)])).out).toContain('certificate: not in this folder\n')
  })

  it('writes the same as JSON', async () => {
    const dir = await made()
    const { out } = await fedunify(['federation', 'show', ...at(dir), '--json'])
    const key = expect.stringMatching(/^U[A-Z2-7]{55}$/)
    expect(JSON.parse(out)).toEqual({
      format: 1,
      federation: expect.any(String),
      url: 'tls://localhost:4222',
      hosts: ['localhost'],
      port: 4222,
      server: { public_key: key },
      owners: ['alice', 'bob'].map((name, i) => ({ owner: i + 1, name, public_key: key })),
      certificates: {
        authority: { expires: expect.any(String), days: expect.any(Number) },
        broker: { expires: expect.any(String), days: expect.any(Number) },
      },
    })
  })
})
