import { X509Certificate } from 'node:crypto'
import type { Fault } from './greeting.ts'

/** What is wrong with a certificate, by what TLS says of it; undefined if TLS says something else. */
export function certificateFault(text: string): 'authority' | 'name' | 'time' | undefined {
  if (/altnames|hostname/i.test(text)) return 'name'
  if (/certificate has expired|certificate is not yet valid/i.test(text)) return 'time'
  if (/self[- ]signed|unable to (verify|get)|issuer|certificate/i.test(text)) return 'authority'
  return undefined
}

export const RENEW = 'renew it where the federation was made: fedunify federation renew'
export const FOREIGN = 'the folder and the broker must come from the same federation'

/** Whether a certificate that is out of its time is not valid yet, by what TLS says. */
export const isEarly = (text: string): boolean => /not yet/i.test(text)

/** it is 2026-11-26T22:50:12Z here */
export const hereNow = (now: Date): string => `it is ${now.toISOString().slice(0, 19)}Z here`

/**
 * What a certificate out of its time means: it ended, or the clock here is wrong. The clock is wrong for sure if the
 * authority, which was made before, is out of its time too.
 * @param early whether it is not valid yet
 * @param ca the authority (PEM), if it is known
 * @param renew what renews the certificate
 */
export function timeFault(early: boolean, ca: string | undefined, renew: string, now = new Date()): Fault {
  const what = `shows a certificate that ${early ? 'is not valid yet' : 'has expired'} (${hereNow(now)})`
  if (!early) return { what, hint: `${renew}; or set the clock of this machine, if it is wrong: ${SET_CLOCK}` }
  const made = ca && beginOf(ca)
  const hint =
    made && now < made
      ? `the clock of this machine is wrong: the authority was made later than it says. ${SET_CLOCK}`
      : `set the clock of this machine if it is wrong: ${SET_CLOCK}; else ${renew}`
  return { what, hint }
}

const SET_CLOCK = 'timedatectl set-ntp true'

function beginOf(ca: string): Date | undefined {
  try {
    return new Date(new X509Certificate(ca).validFrom)
  } catch {
    return undefined
  }
}
