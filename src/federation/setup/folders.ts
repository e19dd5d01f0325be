import { type Owner, readOwner } from './federation.ts'
import { readAuthority, readFederationFile, readSeed } from './read.ts'

/** What a party knows of its federation, from the folder that it was given. */
interface PartyFolder {
  /** The federation's id. */
  readonly federation: string
  /** Of the broker: tls://host:port. */
  readonly url: string
  /** The party's own key: U… */
  readonly publicKey: string
  /** The secret of it: SU… */
  readonly seed: string
  /** The certificate (PEM) that signed the broker's. */
  readonly ca: string
  /** What the user should be told, such as that others can read the seed. */
  readonly warnings: readonly string[]
}

export interface ServerFolder extends PartyFolder {
  readonly owners: readonly Owner[]
}

export interface OwnerFolder extends PartyFolder {
  readonly owner: number
  readonly name: string
  readonly serverKey: string
}

/**
 * Reads DIR/server, as `fedunify federation init` wrote it.
 * @throws FedunifyError if it is another folder, of a newer format, or damaged
 */
export async function readServerFolder(dir: string): Promise<ServerFolder> {
  const { federation, url, public_key: publicKey, owners } = await readFederationFile(dir, 'server')
  return { federation, url, publicKey, owners: owners.map(readOwner), ...(await secrets(dir, 'server', publicKey)) }
}

/**
 * Reads the folder that an owner was given.
 * @throws FedunifyError if it is another folder, of a newer format, or damaged
 */
export async function readOwnerFolder(dir: string): Promise<OwnerFolder> {
  const file = await readFederationFile(dir, 'owner')
  const { federation, url, owner, name, public_key: publicKey, server } = file
  return {
    federation,
    url,
    owner,
    name,
    publicKey,
    serverKey: server.public_key,
    ...(await secrets(dir, 'owner', publicKey)),
  }
}

async function secrets(dir: string, role: 'server' | 'owner', publicKey: string) {
  const { seed, warning } = await readSeed(dir, role, publicKey)
  return { seed, ca: await readAuthority(dir, role), warnings: warning === undefined ? [] : [warning] }
}
