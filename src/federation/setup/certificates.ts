import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

const EC = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const
const HOUR = 3_600_000
const DAY = 24 * HOUR
/** An authority outlives what it signs: a new one would have to reach every owner. */
const AUTHORITY_DAYS = 3650

/** A certificate and its secret key, both as PEM. */
export interface Certified {
  readonly certificate: string
  readonly key: string
}

/** The federation's own certificate authority: it signs the broker's certificate and nothing else. */
export async function makeAuthority(federation: string, days: number, now = Date.now()): Promise<Certified> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serial(),
      name: [{ CN: [`fedunify ${federation}`] }],
      ...validity(now, Math.max(days, AUTHORITY_DAYS)),
      signingAlgorithm: SIGNATURE,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  )
  return await written(certificate, keys.privateKey)
}

/**
 * A certificate for the broker, with a key of its own. It ends with its authority at the latest.
 * @param hosts names and addresses by which the broker can be reached
 * @throws Error if the authority cannot be read
 */
export async function makeServerCertificate(
  authority: Certified,
  hosts: readonly string[],
  days: number,
  now = Date.now(),
): Promise<Certified> {
  const issuer = new x509.X509Certificate(authority.certificate)
  const pkcs8 = x509.PemConverter.decodeFirst(authority.key)
  const signingKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, EC, false, ['sign'])
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const { notBefore, notAfter } = validity(now, days)
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial(),
      subject: [{ CN: [hosts[0]!.slice(0, 64)] }],
      issuer: issuer.subjectName,
      notBefore,
      notAfter: new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime())),
      signingAlgorithm: SIGNATURE,
      publicKey: keys.publicKey,
      signingKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(hosts.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value }))),
        await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  )
  return await written(certificate, keys.privateKey)
}

/** From an hour ago, for clocks that are behind; whole seconds, as certificates have them. */
function validity(now: number, days: number): { notBefore: Date; notAfter: Date } {
  const second = Math.floor(now / 1000) * 1000
  return { notBefore: new Date(second - HOUR), notAfter: new Date(second + days * DAY) }
}

/** Positive, as RFC 5280 wants it. */
function serial(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return bytes.toString('hex')
}

async function written(certificate: x509.X509Certificate, key: webcrypto.CryptoKey): Promise<Certified> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', key)
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`,
  }
}
