import { lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FedunifyError, systemCodeOf } from '../../errors.ts'
import type { OwnerTrained } from '../../federation/events.ts'
import { sha256 } from '../../system/digest.ts'
import { makeFolders } from '../../system/files.ts'
import { syncFolder } from '../../system/flush.ts'
import { encodeSafetensors } from '../../weights/safetensors.ts'
import type { Weights } from '../../weights/weights.ts'
import { keptFile, keptFolder, keptRound, OWNERS, ownerFile, receivedFile } from '../kept-files.ts'
import { type Mark, writeError } from './growing-file.ts'

/** Writes a file of the run folder whole, by its name there. */
type Put = (name: string, content: Uint8Array) => Promise<void>

/** The owners' weights in a run folder: each file is written whole, and its mark is that of what was written. */
export class KeptWeights {
  readonly #dir: string
  readonly #put: Put
  readonly #marks: Record<string, Mark>
  #round = 0

  /** @param files marks of a checkpoint, those of kept weights among them */
  constructor(dir: string, files: Readonly<Record<string, Mark>>, put: Put) {
    this.#dir = dir
    this.#put = put
    this.#marks = Object.fromEntries(Object.entries(files).filter(([name]) => keptFile(name)))
  }

  /** Of all that is kept. */
  get marks(): Readonly<Record<string, Mark>> {
    return this.#marks
  }

  async add({ round, owner, trainImages, kept }: OwnerTrained): Promise<void> {
    if (!kept) return
    const facts = { round: String(round) }
    if (round !== this.#round) {
      await this.#begin(round)
      if (kept.received) await this.#write(receivedFile(round), kept.received, facts)
    }
    await this.#write(ownerFile(round, owner), kept.weights, {
      ...facts,
      owner: String(owner),
      train_images: String(trainImages),
    })
  }

  /** What was written of a round is found after a power cut, too. */
  async flush(round: number): Promise<void> {
    if (round !== this.#round) return
    for (const folder of [keptFolder(round), OWNERS]) await syncFolder(join(this.#dir, folder))
  }

  async #begin(round: number): Promise<void> {
    for (const folder of [OWNERS, keptFolder(round)]) await assertNoLink(join(this.#dir, folder))
    const folder = join(this.#dir, keptFolder(round))
    await makeFolders(folder).catch((error: unknown) => {
      throw writeError(folder, error)
    })
    this.#round = round
  }

  async #write(name: string, weights: Weights, metadata: Readonly<Record<string, string>>): Promise<void> {
    const content = encodeSafetensors(weights, metadata)
    await this.#put(name, content)
    this.#marks[name] = { size: content.length, sha256: sha256(content) }
  }
}

/** Removes what was kept of rounds that do not count: they are done again. */
export async function dropKeptAfter(dir: string, round: number): Promise<void> {
  const owners = join(dir, OWNERS)
  await assertNoLink(owners)
  const folders = await readdir(owners).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw writeError(owners, error)
  })
  const later = folders.filter((name) => (keptRound(name) ?? 0) > round)
  for (const name of later) await rm(join(owners, name), { recursive: true, force: true })
}

/** A run folder may come from elsewhere: what a link in it leads to is neither written nor removed. */
async function assertNoLink(folder: string): Promise<void> {
  const info = await lstat(folder).catch(() => undefined)
  if (!info?.isSymbolicLink()) return
  const hint = 'replace it by the folder itself, or start a new run in another folder'
  throw new FedunifyError('E_RUN_DAMAGED', `${folder} is a link: a run writes only to its own files`, hint)
}
