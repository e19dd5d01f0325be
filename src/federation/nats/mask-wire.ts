import { z } from 'zod'

const owner = z.int().min(1)
const count = z.int().min(0)
/** 32 or 64 bytes, or shares of secrets; base64. */
const bytes = z.string().regex(/^[\w+/=]{1,200}$/)
/** More than a message holds. */
const MOST_OWNERS = 10_000
const numbers = z.array(owner).max(MOST_OWNERS)
const list = <T extends z.ZodType>(one: T) => z.array(one).max(MOST_OWNERS)

/** The keys that an owner makes for a try at a round (privacy/masks/signed-key.ts). */
const ownKeys = { key: bytes, box: bytes.optional(), seed: bytes.optional(), signature: bytes }
const signedKeys = list(z.strictObject({ owner, ...ownKeys }))
const sealedShares = list(z.strictObject({ from: owner, to: owner, box: bytes }))

/** A try at a round that its owners have joined; the list and the threshold are said once, with `mask-join`. */
const attempt = { committed: count, round: owner, attempt: count }

/** What a `train` task says in a round under masks, or a `summarise` task: what is needed to mask what is handed in. */
export const MaskedTaskSchema = z.strictObject({ attempt: count, keys: signedKeys, shares: sealedShares.nullable() })

/** What is summed; left out: updates. */
const of = z.literal('head').optional()

/** What a server asks of an owner for masked sums, by `what`. */
export const MASK_TASKS = {
  'mask-before': { committed: count, round: owner, of },
  'mask-join': { ...attempt, of, owners: list(z.strictObject({ owner, images: owner })), threshold: owner.nullable() },
  'mask-share': { ...attempt, keys: signedKeys },
  'mask-sign': { ...attempt, survivors: numbers },
  'mask-open': { ...attempt, signed: list(z.strictObject({ owner, signature: bytes })) },
} as const

/** What an owner answers, by `what`. */
export const MASK_REPLIES = {
  'mask-before': { round: owner, last: count.nullable(), owners: numbers.nullable(), opened: numbers.nullable() },
  'mask-key': { round: owner, attempt: count, ...ownKeys },
  'mask-shares': { round: owner, attempt: count, shares: list(z.strictObject({ to: owner, box: bytes })) },
  'mask-signature': { round: owner, attempt: count, signature: bytes },
  'mask-opened': { round: owner, attempt: count, shares: list(z.strictObject({ of: owner, share: bytes })) },
} as const
