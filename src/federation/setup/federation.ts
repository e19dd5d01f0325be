import { z } from 'zod'
import { isPublicKey } from './keys.ts'
import { isHost, isOwnerName } from './names.ts'

/** Raised when a reader would have to change. */
export const FORMAT = 1

/** The name of the file that says what a folder is. */
export const FEDERATION_FILE = 'federation.json'

/** The name of the file by which owners know each other: nobody between them can put in other keys. */
export const OWNERS_FILE = 'owners.json'

/** One owner, as all but itself know it. */
export interface Owner {
  /** Counts from 1; never given to another, and the same when others come and go. */
  readonly owner: number
  readonly name: string
  readonly publicKey: string
}

/** A federation, as whoever administers it keeps it. */
export interface Federation {
  readonly id: string
  /** By which the broker can be reached; the first is that which all use. */
  readonly hosts: readonly string[]
  readonly port: number
  /** How long a certificate of the broker is valid. */
  readonly days: number
  readonly serverKey: string
  readonly owners: readonly Owner[]
  readonly nextOwner: number
}

export const urlOf = ({ hosts: [host], port }: Pick<Federation, 'hosts' | 'port'>): string =>
  `tls://${host!.includes(':') ? `[${host}]` : host}:${port}`

/** What the certificate is for: wherever the broker runs, tests and a server beside it reach it as localhost. */
export const certified = (hosts: readonly string[]): string[] => [...new Set([...hosts, 'localhost', '127.0.0.1'])]

const publicKey = z.string().refine(isPublicKey)
const ownerNumber = z.int().min(1)
const ownerSchema = z.object({ owner: ownerNumber, name: z.string().refine(isOwnerName), public_key: publicKey })
const ownersSchema = z.array(ownerSchema)
const common = { format: z.int(), federation: z.string().min(1), url: z.string().regex(/^tls:\/\/.+:\d+$/) }

/** federation.json in each of the folders; fields that are added later are passed over. */
export const SCHEMAS = {
  administrator: z.object({
    ...common,
    role: z.literal('administrator'),
    hosts: z.array(z.string().refine(isHost)).min(1),
    port: z.int().min(1).max(65_535),
    days: z.int().min(1),
    server: z.object({ public_key: publicKey }),
    owners: ownersSchema,
    next_owner: ownerNumber,
  }),
  server: z.object({ ...common, role: z.literal('server'), public_key: publicKey, owners: ownersSchema }),
  owner: z.object({
    ...common,
    role: z.literal('owner'),
    owner: ownerNumber,
    name: z.string().refine(isOwnerName),
    public_key: publicKey,
    server: z.object({ public_key: publicKey }),
  }),
}

/** owners.json in an owner's folder. */
export const OwnersSchema = z.object({ format: z.int(), federation: z.string().min(1), owners: ownersSchema })

export type Role = keyof typeof SCHEMAS

const plainOwner = ({ owner, name, publicKey }: Owner) => ({ owner, name, public_key: publicKey })

export const readOwner = ({ owner, name, public_key }: z.infer<typeof ownerSchema>): Owner => ({
  owner,
  name,
  publicKey: public_key,
})

const head = (role: Role, federation: Federation) => ({
  format: FORMAT,
  role,
  federation: federation.id,
  url: urlOf(federation),
})

const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`

export const administratorFile = (federation: Federation): string =>
  json({
    ...head('administrator', federation),
    hosts: federation.hosts,
    port: federation.port,
    days: federation.days,
    server: { public_key: federation.serverKey },
    owners: federation.owners.map(plainOwner),
    next_owner: federation.nextOwner,
  })

export const serverFile = (federation: Federation): string =>
  json({
    ...head('server', federation),
    public_key: federation.serverKey,
    owners: federation.owners.map(plainOwner),
  })

export const ownerFile = (federation: Federation, owner: Owner): string =>
  json({
    ...head('owner', federation),
    ...plainOwner(owner),
    server: { public_key: federation.serverKey },
  })

/** The public keys of all owners, for each of them. */
export const ownersFile = ({ id, owners }: Federation): string =>
  json({ format: FORMAT, federation: id, owners: owners.map(plainOwner) })
