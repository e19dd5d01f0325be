import { randomBytes } from 'node:crypto'
import { accountsConfig, brokerConfig } from './broker-config.ts'
import { makeAuthority, makeServerCertificate } from './certificates.ts'
import { administratorFile, certified, FEDERATION_FILE, type Federation, serverFile } from './federation.ts'
import { newSeed, publicKeyOf } from './keys.ts'
import { certificateFiles, newOwner, ownerFolder, secret } from './party-files.ts'
import { assertEmpty, type Files, putFolders } from './put.ts'
import { CA_FILE, SEED_FILES } from './read.ts'

export interface InitOptions {
  /** Names of the owners, who are counted in this order. */
  readonly owners: readonly string[]
  readonly hosts: readonly string[]
  readonly port: number
  readonly days: number
  readonly monitor?: number | undefined
}

/**
 * Makes the folders of a new federation, with new keys and certificates.
 * @param dir a new folder, or an empty one
 * @throws FedunifyError if it is not empty or cannot be written; then nothing of it is there
 */
export async function initFederation(dir: string, options: InitOptions): Promise<Federation> {
  const { hosts, port, days, monitor } = options
  await assertEmpty(dir, 'name a new folder; owners are added to a federation by fedunify federation add')
  const id = randomBytes(6).toString('hex')
  const serverSeed = newSeed()
  const parties = options.owners.map((name, i) => newOwner(i + 1, name))
  const owners = parties.map(({ owner }) => owner)
  const federation: Federation = {
    id,
    hosts,
    port,
    days,
    serverKey: publicKeyOf(serverSeed),
    owners,
    nextOwner: owners.length + 1,
  }
  const authority = await makeAuthority(id, days)
  const broker = await makeServerCertificate(authority, certified(hosts), days)
  const ca = { text: authority.certificate }
  const folders = parties.map(({ owner, seed }) => prefixed(owner.name, ownerFolder(federation, owner, seed, ca.text)))
  await putFolders(dir, {
    broker: {
      'nats.conf': { text: brokerConfig({ federation: id, port, monitor }) },
      'accounts.conf': { text: accountsConfig(federation.serverKey, owners) },
      ...certificateFiles(broker),
      [CA_FILE]: ca,
    },
    server: {
      [FEDERATION_FILE]: { text: serverFile(federation) },
      [CA_FILE]: ca,
      [SEED_FILES.server]: secret(`${serverSeed}\n`),
    },
    owners: Object.assign({}, ...folders),
    // The last: a folder without it is no federation.
    ca: {
      [CA_FILE]: ca,
      'ca.key': secret(authority.key),
      [FEDERATION_FILE]: { text: administratorFile(federation) },
    },
  })
  return federation
}

const prefixed = (name: string, files: Files): Files =>
  Object.fromEntries(Object.entries(files).map(([file, content]) => [`${name}/${file}`, content]))
