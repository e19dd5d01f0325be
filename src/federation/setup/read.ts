import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { FedunifyError } from '../../errors.ts'
import { kindOf, readIfThere } from '../../system/files.ts'
import { textOf } from '../../system/text.ts'
import { FEDERATION_FILE, FORMAT, type Role, SCHEMAS } from './federation.ts'
import { isSeed, publicKeyOf } from './keys.ts'

/** The files that go with a party's federation.json. */
export const CA_FILE = 'ca.pem'
export const SEED_FILES = { server: 'server.nk', owner: 'owner.nk' } as const

/** What a folder of each kind is called, and its place. */
const FOLDERS: Readonly<Record<Role, { readonly what: string; readonly where: string }>> = {
  administrator: { what: "the administrator's folder", where: 'ca' },
  server: { what: "the server's folder", where: 'server' },
  owner: { what: "an owner's folder", where: 'owners/NAME' },
}

/** No file of a federation is nearly as large. */
export const MOST_BYTES = 16 * 1024 * 1024

/**
 * What a folder's federation.json says.
 * @throws FedunifyError if it is the folder of another party, or none; of a newer format; or damaged
 */
export async function readFederationFile<R extends Role>(dir: string, role: R): Promise<z.infer<(typeof SCHEMAS)[R]>> {
  const file = join(dir, FEDERATION_FILE)
  const kind = await kindOf(dir)
  const content = kind === 'folder' ? await readIfThere(file, { most: MOST_BYTES }) : undefined
  if (!content) {
    const what = { none: 'does not exist', file: 'is a file', folder: `has no ${FEDERATION_FILE}` }[kind]
    const message = `${dir} ${what}: it is not ${FOLDERS[role].what}`
    throw new FedunifyError('E_FEDERATION_FOLDER', message, hintFor(role))
  }
  const value = jsonOf(content)
  assertFormat(file, value)
  const other = FOLDERS[value?.role as Role] as { what: string } | undefined
  if (other && value?.role !== role) {
    throw new FedunifyError('E_FEDERATION_FOLDER', `${dir} is ${other.what}, not ${FOLDERS[role].what}`, hintFor(role))
  }
  const read = SCHEMAS[role].safeParse(value)
  if (read.success) return read.data as z.infer<(typeof SCHEMAS)[R]>
  const where = read.error.issues[0]?.path.join('.')
  throw damaged(file, value && where ? `${where} is missing or not legal` : 'it is not JSON of fedunify', role)
}

/** @throws FedunifyError if a file of a folder is of a newer format */
export function assertFormat(file: string, value: Record<string, unknown> | undefined): void {
  if (typeof value?.format !== 'number' || value.format <= FORMAT) return
  throw new FedunifyError(
    'E_FEDERATION_FORMAT',
    `${file} has format ${value.format}, which is newer than this fedunify reads (${FORMAT})`,
    'install a newer fedunify',
  )
}

/**
 * The seed of a party, whose public key must be the one that the others know.
 * @returns the seed, and a warning if others on this machine can read it
 * @throws FedunifyError if it is missing or another one
 */
export async function readSeed(
  dir: string,
  role: 'server' | 'owner',
  publicKey: string,
): Promise<{ seed: string; warning: string | undefined }> {
  const file = join(dir, SEED_FILES[role])
  const seed = (await readNeeded(file, role)).trim()
  if (!isSeed(seed)) throw damaged(file, 'it is not the seed of a NATS key', role)
  if (publicKeyOf(seed) !== publicKey) {
    throw damaged(file, `it is not the secret of the key that ${FEDERATION_FILE} names`, role)
  }
  return { seed, warning: await openness(file) }
}

/**
 * The certificate of the federation's authority.
 * @throws FedunifyError if it is missing, or is no certificate
 */
export async function readAuthority(dir: string, role: Role): Promise<string> {
  const file = join(dir, CA_FILE)
  const text = await readNeeded(file, role)
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw damaged(file, 'it is not a certificate (PEM)', role)
  return text
}

/** @throws FedunifyError if a file of a folder is not there */
export async function readNeeded(file: string, role: Role): Promise<string> {
  const content = await readIfThere(file, { most: MOST_BYTES })
  if (!content) throw damaged(file, 'it is missing', role)
  return textOf(content)
}

export function damaged(file: string, why: string, role: Role): FedunifyError {
  const hint =
    role === 'administrator'
      ? 'restore it from a backup'
      : 'ask whoever administers the federation for the folder again'
  return new FedunifyError('E_FEDERATION_DAMAGED', `${file}: ${why}`, hint)
}

/** A warning if others than the user can read a secret. Windows has no such modes. */
async function openness(file: string): Promise<string | undefined> {
  if (process.platform === 'win32') return undefined
  const { mode } = await stat(file)
  return (mode & 0o077) === 0 ? undefined : `${file} can be read by other users of this machine: chmod 600 ${file}`
}

const hintFor = (role: Role) => `name the folder DIR/${FOLDERS[role].where} that fedunify federation init made`

export function jsonOf(content: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(textOf(content))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
