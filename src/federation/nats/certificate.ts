import { X509Certificate } from 'node:crypto'
import type { Fault } from './greeting.ts'

/** What is wrong with a certificate, by what TLS says of it; undefined if TLS says something else. */
export function certificateFault(text: string): 'authority' | 'name' | 'time' | undefined {
  if (/altnames|hostname/i.test(text)) return 'name'
  if (/certificate has expired|certificate is not yet valid/i.test(text)) return 'time'
  if (/self[- ]signed|unable to (verify|get)|issuer|certificate/i.test(text)) return 'authority'
  return undefined
}

/**
 * What a certificate out of its time means: it ended, or the clock here is wrong. The clock is wrong for sure if the
 * authority, which was made before, is out of its time too.
 * @param text what TLS says
 * @param ca the authority (PEM), if it is known
 * @param renew what renews the certificate
 */
export function timeFault(text: string, ca: string | undefined, renew: string, now = new Date()): Fault {
  const early = /not yet/i.test(text)
  const here = `it is ${now.toISOString().slice(0, 19)}Z here`
  const what = `shows a certificate that ${early ? 'is not valid yet' : 'has expired'} (${here})`
  const made = ca && beginOf(ca)
  if (early && made && now < made) {
    const hint = `the clock of this machine is wrong: its authority was made after that. ${SET_CLOCK}`
    return { what, hint }
  }
  const first = early ? `set the clock of this machine if it is wrong: ${SET_CLOCK}` : renew
  const second = early ? renew : `or set the clock of this machine, if it is wrong: ${SET_CLOCK}`
  return { what, hint: early ? `${first}; else ${second}` : `${first}; ${second}` }
}

export const SET_CLOCK = 'timedatectl set-ntp true'

function beginOf(ca: string): Date | undefined {
  try {
    return new Date(new X509Certificate(ca).validFrom)
  } catch {
    return undefined
  }
}
