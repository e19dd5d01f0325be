import { readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FedunifyError, unknownName } from '../../errors.ts'
import { readIfThere } from '../../system/files.ts'
import { ADMINISTRATOR, readFederation } from './administrator.ts'
import { FEDERATION_FILE, type Federation, OWNERS_FILE, type Owner } from './federation.ts'
import { ownerName } from './names.ts'
import { newOwner, ownerFolder, ownersFiles, POLICY, partyFiles } from './party-files.ts'
import { assertEmpty, putFiles, putFolders } from './put.ts'
import { CA_FILE, readAuthority, SEED_FILES } from './read.ts'

/**
 * Adds an owner, with a new key and the next number.
 * @throws FedunifyError if there is one of this name, or nothing can be written; then nothing is changed
 */
export async function addOwner(dir: string, name: string): Promise<Owner> {
  ownerName(name)
  const before = await readFederation(dir)
  const same = before.owners.find((owner) => owner.name === name)
  if (same) {
    throw new FedunifyError('E_OPTION', `${name} is owner ${same.owner} already`, 'choose another name')
  }
  const owners = join(dir, 'owners')
  await assertEmpty(join(owners, name), 'move it away, or choose another name')
  const ca = await readAuthority(join(dir, ADMINISTRATOR), 'administrator')
  const { owner, seed } = newOwner(before.nextOwner, name)
  const federation = { ...before, owners: [...before.owners, owner], nextOwner: before.nextOwner + 1 }
  await putFolders(owners, { [name]: ownerFolder(federation, owner, seed, ca) })
  try {
    await putAll(dir, federation, before)
  } catch (error) {
    await rm(join(owners, name), { recursive: true, force: true }).catch(() => {})
    throw error
  }
  return owner
}

/**
 * Takes an owner out. Its number is given to nobody else.
 * @returns the owner, and whether its folder is still there, because it holds more than fedunify put into it
 * @throws FedunifyError if there is none of this name, or nothing can be written; then nothing is changed
 */
export async function removeOwner(dir: string, name: string): Promise<{ owner: Owner; kept: boolean }> {
  const before = await readFederation(dir)
  const owner = before.owners.find((one) => one.name === name)
  if (!owner) {
    const names = before.owners.map((one) => one.name)
    if (names.length > 0) throw unknownName('owner', name, names)
    throw new FedunifyError('E_UNKNOWN_NAME', `unknown owner "${name}": the federation has none`)
  }
  await putAll(dir, { ...before, owners: before.owners.filter((one) => one !== owner) }, before)
  return { owner, kept: await clear(join(dir, 'owners', name)) }
}

/**
 * Writes the public keys of all owners into the folder of each, for a federation that was made without them.
 * @returns the owners
 */
export async function writeOwnersFiles(dir: string): Promise<readonly Owner[]> {
  const federation = await readFederation(dir)
  await putFiles(dir, ownersFiles(federation))
  return federation.owners
}

/** Writes what follows from who is in a federation; if that fails, as it was before. */
async function putAll(dir: string, federation: Federation, before: Federation): Promise<void> {
  try {
    await putFiles(dir, partyFiles(federation))
  } catch (error) {
    await putFiles(dir, partyFiles(before)).catch(() => {})
    throw error
  }
}

/** Removes what fedunify put into an owner's folder, and the folder if nothing else is in it; else returns true. */
async function clear(folder: string): Promise<boolean> {
  const policy = join(folder, 'policy.yaml')
  const untouched = (await readIfThere(policy).catch(() => undefined))?.toString('utf8') === POLICY
  const ours = [FEDERATION_FILE, OWNERS_FILE, CA_FILE, SEED_FILES.owner].map((name) => join(folder, name))
  for (const file of untouched ? [...ours, policy] : ours) await rm(file, { force: true })
  const left = await readdir(folder).catch(() => undefined)
  if (left?.length === 0) await rmdir(folder)
  return left !== undefined && left.length > 0
}
