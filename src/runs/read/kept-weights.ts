import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { sha256 } from '../../system/digest.ts'
import { kindOf, readIfThere } from '../../system/files.ts'
import { decodeSafetensors } from '../../weights/safetensors.ts'
import type { Weights } from '../../weights/weights.ts'
import { keptFile, OWNERS, ownerFile, receivedFile } from '../kept-files.ts'
import type { Mark } from '../write/growing-file.ts'

/** Marks of the files of a run, by their names. */
export type Marks = Readonly<Record<string, Mark>>

/** The rounds whose weights a run has kept, and whose. */
export function keptRounds(marks: Marks): ReadonlyMap<number, readonly number[]> {
  const rounds = new Map<number, number[]>()
  for (const { round, owner } of Object.keys(marks).flatMap((name) => keptFile(name) ?? [])) {
    const owners = rounds.get(round) ?? []
    if (owner !== undefined) owners.push(owner)
    rounds.set(round, owners)
  }
  const inOrder = [...rounds].sort(([a], [b]) => a - b)
  return new Map(inOrder.map(([round, owners]) => [round, owners.sort((a, b) => a - b)]))
}

/** An owner's weights of a round, as the run wrote them. */
export const readOwner = (dir: string, marks: Marks, round: number, owner: number): Promise<Weights> =>
  readKept(dir, marks, ownerFile(round, owner))

/** The model that all owners received in a round; undefined if each began with weights of its own. */
export async function readReceived(dir: string, marks: Marks, round: number): Promise<Weights | undefined> {
  const name = receivedFile(round)
  return marks[name] ? await readKept(dir, marks, name) : undefined
}

/** @throws FedunifyError (data) if the file is not there, or not as the run wrote it */
async function readKept(dir: string, marks: Marks, name: string): Promise<Weights> {
  const file = join(dir, name)
  const bytes = await readIfThere(file)
  if (!bytes) {
    const hint = "a published run may leave out the owners' weights: ask for them, or do the run again"
    throw new FedunifyError('E_FILE_MISSING', `${file}: no such file`, hint)
  }
  if (sha256(bytes) !== marks[name]?.sha256) {
    throw new FedunifyError('E_RUN_DAMAGED', `${file}: it was edited`, 'restore the file, or do the run again')
  }
  return decodeSafetensors(bytes, file).weights
}

/** Names of the files of kept weights in a run folder. */
export async function keptFilesIn(dir: string): Promise<string[]> {
  if ((await kindOf(join(dir, OWNERS))) !== 'folder') return []
  const names = await readdir(join(dir, OWNERS), { recursive: true })
  return names.map((name) => `${OWNERS}/${name.replaceAll('\\', '/')}`).filter((name) => keptFile(name))
}
