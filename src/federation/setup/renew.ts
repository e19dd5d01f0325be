import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { readFederation, readWholeAuthority } from './administrator.ts'
import { makeServerCertificate } from './certificates.ts'
import { expiryOf } from './expiry.ts'
import { certified } from './federation.ts'
import { certificateFiles } from './party-files.ts'
import { putFiles } from './put.ts'

/**
 * Gives the broker a new certificate and key, signed by the same authority.
 * @returns when it expires
 * @throws FedunifyError if the authority is no longer valid or not there, or nothing can be written
 */
export async function renewCertificate(dir: string, days?: number): Promise<Date> {
  const federation = await readFederation(dir)
  const authority = await readWholeAuthority(dir)
  const until = expiryOf(authority.certificate)
  if (until.getTime() <= Date.now()) {
    throw new FedunifyError(
      'E_FEDERATION_FOLDER',
      `the certificate authority of ${dir} expired on ${until.toISOString().slice(0, 10)}`,
      'make a new federation: fedunify federation init',
    )
  }
  const certificate = await makeServerCertificate(authority, certified(federation.hosts), days ?? federation.days)
  const files = Object.entries(certificateFiles(certificate))
  await putFiles(dir, Object.fromEntries(files.map(([name, content]) => [join('broker', name), content])))
  return expiryOf(certificate.certificate)
}
