import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { State } from '../algorithm/algorithm.ts'
import { makeFolders, readIfThere, writeWhole } from '../system/files.ts'
import { flatten, unflatten } from '../weights/named.ts'
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts'

/** What an owner keeps of a round until the server has it on its own disk. */
export interface KeptUpdate {
  /** What it was asked, so that it is known again: digests of what it received, and the learning rate. */
  readonly asked: string
  /** The reply's own fields, without those of the task. */
  readonly reply: Record<string, unknown>
  /** The weights, as they travel. */
  readonly bytes: Uint8Array
}

/** An owner's memory of one run, on its own disk: the experiment, its updates and its own state, by round. */
export class OwnerStore {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  async putInvite(invite: object): Promise<void> {
    await makeFolders(this.#dir)
    await writeWhole(join(this.#dir, 'invite.json'), JSON.stringify(invite))
  }

  async invite(): Promise<unknown> {
    const bytes = await readIfThere(join(this.#dir, 'invite.json'))
    return bytes && JSON.parse(bytes.toString('utf8'))
  }

  /** The state first: an update that is there has its state. */
  async putRound(round: number, { asked, reply, bytes }: KeptUpdate, state: State): Promise<void> {
    const metadata = { asked, reply: JSON.stringify(reply) }
    await writeWhole(this.#file('state', round), encodeSafetensors(flatten(state)))
    await writeWhole(this.#file('update', round), withMetadata(bytes, metadata))
  }

  async update(round: number): Promise<KeptUpdate | undefined> {
    const file = this.#file('update', round)
    const kept = await readIfThere(file)
    if (!kept) return undefined
    const { bytes, metadata } = withoutMetadata(kept)
    return { asked: metadata.asked!, reply: JSON.parse(metadata.reply!), bytes }
  }

  async state(round: number): Promise<State | undefined> {
    const file = this.#file('state', round)
    const bytes = await readIfThere(file)
    return bytes && unflatten(decodeSafetensors(bytes, file).weights)
  }

  /** Forgets what the server has: rounds before the last one that it committed. */
  async forget(committed: number): Promise<void> {
    for (const name of await readdir(this.#dir).catch(() => [])) {
      const [, what, round] = /^(state|update)-(\d+)\.bin$/.exec(name) ?? []
      // The state after the last committed round is what the next one begins with.
      const done = what === 'update' ? Number(round) <= committed : Number(round) < committed
      if (what && done) await rm(join(this.#dir, name), { force: true })
    }
  }

  #file(what: 'state' | 'update', round: number): string {
    return join(this.#dir, `${what}-${round}.bin`)
  }
}

/** One file for both, so that no kill comes between them. */
function withMetadata(bytes: Uint8Array, metadata: Readonly<Record<string, string>>): Uint8Array {
  const head = Buffer.from(JSON.stringify(metadata))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(head.length)
  return Buffer.concat([length, head, bytes])
}

function withoutMetadata(file: Buffer): { bytes: Uint8Array; metadata: Record<string, string> } {
  const end = 4 + file.readUInt32LE(0)
  return { bytes: file.subarray(end), metadata: JSON.parse(file.toString('utf8', 4, end)) }
}
