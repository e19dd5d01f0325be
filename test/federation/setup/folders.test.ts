import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readOwnerFolder, readServerFolder } from '../../../src/federation/setup/folders.ts'
import { initFederation } from '../../../src/federation/setup/init.ts'
import { newSeed } from '../../../src/federation/setup/keys.ts'
import { readOwnerKeys } from '../../../src/federation/setup/owner-keys.ts'
import { temporaryFolder } from '../../support/folder.ts'

async function federation() {
  const dir = join(temporaryFolder(), 'fed')
  await initFederation(dir, { owners: ['alice', 'bob'], hosts: ['localhost'], port: 4222, days: 30 })
  const owner = join(dir, 'owners', 'alice')
  const file = join(owner, 'federation.json')
  const edit = (changes: object) =>
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...changes }))
  return { dir, owner, file, edit, server: join(dir, 'server'), seed: join(owner, 'owner.nk') }
}

describe('a folder of another party', () => {
  it('is named as what it is', async () => {
    const { dir, owner, server } = await federation()
    const refused = { code: 'E_FEDERATION_FOLDER', exitCode: 2 }
    await expect(readServerFolder(owner)).rejects.toMatchObject({
      ...refused,
      message: `${owner} is an owner's folder, not the server's folder`,
      hint: 'name the folder DIR/server that fedunify federation init made',
    })
    await expect(readOwnerFolder(server)).rejects.toMatchObject({
      ...refused,
      message: `${server} is the server's folder, not an owner's folder`,
      hint: 'name the folder DIR/owners/NAME that fedunify federation init made',
    })
    await expect(readOwnerFolder(join(dir, 'ca'))).rejects.toThrow("is the administrator's folder, not an owner's")
  })

  it('is none if it has no federation.json, or is not there', async () => {
    const { dir, file } = await federation()
    const none = join(dir, 'none')
    await expect(readServerFolder(dir)).rejects.toThrow(`${dir} has no federation.json: it is not the server's folder`)
    await expect(readServerFolder(none)).rejects.toThrow(`${none} does not exist: it is not the server's folder`)
    await expect(readOwnerFolder(file)).rejects.toThrow(/is a file: it is not an owner's folder/)
  })
})

describe('a file of a folder', () => {
  it('of a newer format is refused', async () => {
    const { owner, file, edit } = await federation()
    edit({ format: 2, role: 'something new' })
    await expect(readOwnerFolder(owner)).rejects.toMatchObject({
      code: 'E_FEDERATION_FORMAT',
      message: `${file} has format 2, which is newer than this fedunify reads (1)`,
    })
  })

  it('may have more fields than are known', async () => {
    const { owner, edit } = await federation()
    edit({ more: true })
    expect(await readOwnerFolder(owner)).toMatchObject({ name: 'alice' })
  })

  it.each([
    ['{', 'it is not JSON of fedunify'],
    ['[]', 'it is not JSON of fedunify'],
    ['{}', 'format is missing or not legal'],
    [{ owner: 0 }, 'owner is missing or not legal'],
    [{ name: '../x' }, 'name is missing or not legal'],
    [{ url: 'http://x' }, 'url is missing or not legal'],
    [{ public_key: 'U123' }, 'public_key is missing or not legal'],
    [{ server: {} }, 'server.public_key is missing or not legal'],
  ])('that is damaged is refused: %j', async (content, why) => {
    const { owner, file, edit } = await federation()
    if (typeof content === 'string') writeFileSync(file, content)
    else edit(content)
    await expect(readOwnerFolder(owner)).rejects.toMatchObject({
      code: 'E_FEDERATION_DAMAGED',
      exitCode: 3,
      message: `${file}: ${why}`,
      hint: 'ask whoever administers the federation for the folder again',
    })
  })

  it('that is missing is named', async () => {
    const { owner, seed } = await federation()
    const ca = join(owner, 'ca.pem')
    rmSync(ca)
    await expect(readOwnerFolder(owner)).rejects.toMatchObject({ message: `${ca}: it is missing` })
    rmSync(seed)
    await expect(readOwnerFolder(owner)).rejects.toMatchObject({ message: `${seed}: it is missing` })
  })

  it('that is no certificate is refused', async () => {
    const { owner } = await federation()
    writeFileSync(join(owner, 'ca.pem'), 'x')
    await expect(readOwnerFolder(owner)).rejects.toThrow(/ca\.pem: it is not a certificate \(PEM\)/)
  })
})

describe('a seed', () => {
  it('that is none, or of another key, is refused and not shown', async () => {
    const { owner, seed } = await federation()
    const other = newSeed()
    for (const text of ['secret', other.slice(1), other]) {
      writeFileSync(seed, text)
      const error = await readOwnerFolder(owner).catch((thrown: Error) => thrown)
      expect(error).toMatchObject({ code: 'E_FEDERATION_DAMAGED' })
      expect(JSON.stringify(error) + (error as Error).message).not.toContain(text)
    }
  })

  it.skipIf(process.platform === 'win32')('that others can read is used, with a warning', async () => {
    const { owner, seed } = await federation()
    expect((await readOwnerFolder(owner)).warnings).toEqual([])
    chmodSync(seed, 0o644)
    expect((await readOwnerFolder(owner)).warnings).toEqual([
      `${seed} can be read by other users of this machine: chmod 600 ${seed}`,
    ])
  })
})

describe('the keys of the owners, in the folder of one', () => {
  const keys = async ({ owner }: { owner: string }) => await readOwnerKeys(owner, await readOwnerFolder(owner))

  it('are missing in a folder of an earlier version, which is said with what helps', async () => {
    const fed = await federation()
    rmSync(join(fed.owner, 'owners.json'))
    await expect(keys(fed)).rejects.toMatchObject({
      code: 'E_FEDERATION_FOLDER',
      exitCode: 2,
      message: `${fed.owner} has no owners.json, the public keys of all owners, which masked sums need`,
      hint: 'where the federation was made, fedunify federation keys writes it: put it into the folder of each owner',
    })
  })

  it('are refused if they are of another federation, lack this owner, or are none', async () => {
    const fed = await federation()
    const other = await federation()
    const file = join(fed.owner, 'owners.json')
    const own = readFileSync(file, 'utf8')
    const { owners, ...rest } = JSON.parse(own)
    for (const [text, why] of [
      [readFileSync(join(other.owner, 'owners.json'), 'utf8'), 'it is of another federation'],
      [JSON.stringify({ ...rest, owners: owners.slice(1) }), 'it does not have the key of this owner'],
      [JSON.stringify({ ...rest, owners: [{ ...owners[0], public_key: 'U' }] }), 'it is no list of owners'],
      ['', 'it is no list of owners'],
      [JSON.stringify({ ...rest, format: 2, members: [] }), 'owners.json has format 2, which is newer than this'],
    ] as const) {
      writeFileSync(file, text)
      await expect(keys(fed)).rejects.toThrow(why)
    }
  })
})
