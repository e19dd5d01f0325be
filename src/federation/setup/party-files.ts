import { join } from 'node:path'
import { ADMINISTRATOR } from './administrator.ts'
import { accountsConfig } from './broker-config.ts'
import type { Certified } from './certificates.ts'
import {
  administratorFile,
  FEDERATION_FILE,
  type Federation,
  OWNERS_FILE,
  type Owner,
  ownerFile,
  ownersFile,
  serverFile,
} from './federation.ts'
import { newSeed, publicKeyOf } from './keys.ts'
import type { Content, Files } from './put.ts'
import { CA_FILE, SEED_FILES } from './read.ts'

/** What an owner's policy.yaml holds at first. */
export const POLICY = `\
# What the server may ask of this owner. Nothing is set: everything is allowed and shared, but for sums of features, which
# must be allowed here (share: { statistics: true }). docs/policy.md has all keys.
format: 1
# allow: { merge: [avg, weighted-avg], server: [none, avgm, adam], objective: [cross-entropy, fedprox] }
# most: { rounds: 100, local-epochs: 5, parameters: 5000000 }
# share: { labels: false }      # keep the number of images of each class to itself
`

/** An owner with a new key. */
export function newOwner(number: number, name: string): { owner: Owner; seed: string } {
  const seed = newSeed()
  return { owner: { owner: number, name, publicKey: publicKeyOf(seed) }, seed }
}

/** The folder that is handed over to an owner. */
export const ownerFolder = (federation: Federation, owner: Owner, seed: string, ca: string): Files => ({
  [FEDERATION_FILE]: { text: ownerFile(federation, owner) },
  [OWNERS_FILE]: { text: ownersFile(federation) },
  [CA_FILE]: { text: ca },
  [SEED_FILES.owner]: secret(`${seed}\n`),
  'policy.yaml': { text: POLICY },
})

/** What follows from who is in a federation; the administrator's own file first, for all others can be made of it. */
export const partyFiles = (federation: Federation): Files => ({
  [join(ADMINISTRATOR, FEDERATION_FILE)]: { text: administratorFile(federation) },
  [join('server', FEDERATION_FILE)]: { text: serverFile(federation) },
  [join('broker', 'accounts.conf')]: { text: accountsConfig(federation.serverKey, federation.owners) },
  ...ownersFiles(federation),
})

/** What each owner knows of the others. */
export const ownersFiles = (federation: Federation): Files =>
  Object.fromEntries(
    federation.owners.map(({ name }) => [join('owners', name, OWNERS_FILE), { text: ownersFile(federation) }]),
  )

/** The certificate and key of the broker, as files of its folder. */
export const certificateFiles = ({ certificate, key }: Certified): Files => ({
  'server.key': secret(key),
  'server.pem': { text: certificate },
})

export const secret = (text: string): Content => ({ text, secret: true })
