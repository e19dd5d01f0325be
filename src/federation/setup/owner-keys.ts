import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import type { Identities } from '../../privacy/masks/signed-key.ts'
import { readIfThere } from '../../system/files.ts'
import { OWNERS_FILE, OwnersSchema } from './federation.ts'
import type { OwnerFolder } from './folders.ts'
import { publicKey } from './keys.ts'
import { assertFormat, damaged, jsonOf, MOST_BYTES } from './read.ts'

/**
 * The public keys of all owners of a federation, as an owner was given them with its folder: by these it knows the
 * others, whatever the server says.
 * @param dir the owner's folder
 * @throws FedunifyError if the file is not there, of another federation or a newer format, or damaged
 */
export async function readOwnerKeys(
  dir: string,
  { federation, owner, publicKey: own }: OwnerFolder,
): Promise<Identities> {
  const file = join(dir, OWNERS_FILE)
  const content = await readIfThere(file, { most: MOST_BYTES })
  if (!content) {
    throw new FedunifyError(
      'E_FEDERATION_FOLDER',
      `${dir} has no ${OWNERS_FILE}, the public keys of all owners, which masked sums need`,
      `where the federation was made, fedunify federation keys writes it: put it into the folder of each owner`,
    )
  }
  const value = jsonOf(content)
  assertFormat(file, value)
  const read = OwnersSchema.safeParse(value)
  if (!read.success) throw damaged(file, 'it is no list of owners of fedunify', 'owner')
  const { owners } = read.data
  if (read.data.federation !== federation) throw damaged(file, 'it is of another federation', 'owner')
  if (owners.find((one) => one.owner === owner)?.public_key !== own) {
    throw damaged(file, 'it does not have the key of this owner', 'owner')
  }
  return new Map(owners.map((one) => [one.owner, publicKey(one.public_key)]))
}
