import { createHash } from 'node:crypto'
import { combine, split } from 'shamir-secret-sharing'

/** SHA-256 of a secret, which stands beside it: too few shares, or a wrong one, give another secret without an error. */
export const hashOf = (secret: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(secret).digest())

/** Shares of a secret (Shamir 1979), a byte longer than it, one for each owner: any `threshold` of them give it back. */
export async function sharesOf(
  secret: Uint8Array,
  owners: readonly number[],
  threshold: number,
): Promise<ReadonlyMap<number, Uint8Array>> {
  const shares = await split(secret, owners.length, threshold)
  return new Map(owners.map((owner, i) => [owner, shares[i]!]))
}

/** The secret of so many shares; undefined if it is not the right one. */
export async function secretOf(
  shares: readonly Uint8Array[],
  isRight: (secret: Uint8Array) => boolean,
): Promise<Uint8Array | undefined> {
  const secret = await combine([...shares])
  return isRight(secret) ? secret : undefined
}
