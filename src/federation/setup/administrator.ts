import { createPrivateKey, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { kindOf } from '../../system/files.ts'
import type { Certified } from './certificates.ts'
import { type Federation, readOwner } from './federation.ts'
import { CA_FILE, damaged, readAuthority, readFederationFile, readNeeded } from './read.ts'

/** The administrator's own folder of a federation: what it holds is handed to nobody. */
export const ADMINISTRATOR = 'ca'

/**
 * A federation, as its administrator's folder says.
 * @param dir as it was given to `fedunify federation init`
 * @throws FedunifyError if it is no such folder, of a newer format, or damaged
 */
export async function readFederation(dir: string): Promise<Federation> {
  if ((await kindOf(join(dir, ADMINISTRATOR))) !== 'folder') {
    throw new FedunifyError(
      'E_FEDERATION_FOLDER',
      `${dir} has no folder ${ADMINISTRATOR}: only who has it can change the federation or show it`,
      'name the folder that fedunify federation init made',
    )
  }
  const file = await readFederationFile(join(dir, ADMINISTRATOR), 'administrator')
  return {
    id: file.federation,
    hosts: file.hosts,
    port: file.port,
    days: file.days,
    serverKey: file.server.public_key,
    owners: file.owners.map(readOwner),
    nextOwner: file.next_owner,
  }
}

/**
 * The certificate authority, with its secret key.
 * @throws FedunifyError if one of the two is missing, damaged or does not fit the other
 */
export async function readWholeAuthority(dir: string): Promise<Certified> {
  const folder = join(dir, ADMINISTRATOR)
  const certificate = await readAuthority(folder, 'administrator')
  const file = join(folder, 'ca.key')
  const key = await readNeeded(file, 'administrator')
  if (!belong(certificate, key)) throw damaged(file, `it is not the key of ${CA_FILE}`, 'administrator')
  return { certificate, key }
}

function belong(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}
