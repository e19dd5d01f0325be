import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { State } from '../algorithm/algorithm.ts'
import type { KeptRounds } from '../privacy/masks/joined-rounds.ts'
import type { MaskedRound } from '../privacy/masks/masked-round.ts'
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

/** What a file is of. */
interface Kept {
  readonly what: 'state' | 'update'
  readonly round: number
}

/** The last round up to this one of which there is a state. */
function newest(kept: readonly Kept[], round: number): number | undefined {
  const rounds = kept.flatMap((one) => (one.what === 'state' && one.round <= round ? [one.round] : []))
  return rounds.length > 0 ? Math.max(...rounds) : undefined
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

  /** Which rounds it has joined under masks, of sums of this kind; undefined if none. */
  async joinedRounds(of: MaskedRound['of']): Promise<KeptRounds | undefined> {
    const bytes = await readIfThere(this.#joined(of))
    return bytes && (JSON.parse(bytes.toString('utf8')) as KeptRounds)
  }

  async putJoinedRounds(of: MaskedRound['of'], kept: KeptRounds): Promise<void> {
    await makeFolders(this.#dir)
    await writeWhole(this.#joined(of), JSON.stringify(kept))
  }

  #joined = (of: MaskedRound['of']) => join(this.#dir, of ? `masks-${of}.json` : 'masks.json')

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

  /** The last state that it has from before a round, and after which one that was: it may have been absent since. */
  async stateBefore(round: number): Promise<{ round: number; state: State } | undefined> {
    const after = newest(await this.#kept(), round - 1)
    if (after === undefined) return undefined
    const file = this.#file('state', after)
    const bytes = await readIfThere(file)
    return bytes && { round: after, state: unflatten(decodeSafetensors(bytes, file).weights) }
  }

  /** Forgets what the server has: rounds that it committed, but for the last state, with which the next one begins. */
  async forget(committed: number): Promise<void> {
    const kept = await this.#kept()
    const last = newest(kept, committed)
    for (const { what, round } of kept) {
      const done = what === 'update' ? round <= committed : last !== undefined && round < last
      if (done) await rm(this.#file(what, round), { force: true })
    }
  }

  async #kept(): Promise<Kept[]> {
    const names = await readdir(this.#dir).catch(() => [])
    return names.flatMap((name) => {
      const [, what, round] = /^(state|update)-(\d+)\.bin$/.exec(name) ?? []
      return what === undefined ? [] : [{ what: what as Kept['what'], round: Number(round) }]
    })
  }

  #file(what: Kept['what'], round: number): string {
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
