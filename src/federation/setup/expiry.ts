import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { readIfThere } from '../../system/files.ts'
import { ADMINISTRATOR } from './administrator.ts'
import { CA_FILE } from './read.ts'

const DAY = 86_400_000

/** When a certificate (PEM) ends. */
export const expiryOf = (certificate: string): Date => new Date(new X509Certificate(certificate).validTo)

/** Whole days until then; negative once it is over. */
export const daysUntil = (date: Date, now = Date.now()): number => Math.floor((date.getTime() - now) / DAY)

/**
 * When the certificates of a federation end; undefined for one that is not in its folder.
 * @throws FedunifyError if one cannot be read
 */
export async function expiries(dir: string): Promise<{ authority: Date | undefined; broker: Date | undefined }> {
  const of = async (file: string) => {
    const content = await readIfThere(file)
    if (!content) return undefined
    try {
      return expiryOf(content.toString('utf8'))
    } catch (cause) {
      throw new FedunifyError('E_FEDERATION_DAMAGED', `${file}: it is not a certificate (PEM)`, undefined, { cause })
    }
  }
  return {
    authority: await of(join(dir, ADMINISTRATOR, CA_FILE)),
    broker: await of(join(dir, 'broker', 'server.pem')),
  }
}
