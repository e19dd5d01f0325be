import { writeSync } from 'node:fs'
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { FedunifyError } from '../../errors.ts'
import { writeError } from '../../runs/write/growing-file.ts'
import { beside, kindOf, makeFolders, renameFile, writeWhole } from '../../system/files.ts'
import { syncFolder } from '../../system/flush.ts'
import { encodeHeader, type Metadata, type NewEntry } from '../../weights/safetensors/header.ts'
import { INDEX_NAME } from '../model/index-file.ts'
import { FlushAhead } from './flush-ahead.ts'
import { shardsOf } from './shards.ts'

/** A file that is being written, and where its tensors begin. */
interface Shard {
  readonly name: string
  readonly entries: readonly NewEntry[]
  readonly handle: FileHandle
  readonly flushing: FlushAhead
  readonly places: ReadonlyMap<string, number>
  /** Bytes of its header. */
  readonly start: number
}

/**
 * A model that is being written, in any order. It lies beside its place until it is whole: a file or, if it is sharded,
 * a folder with an index.
 */
export class Output {
  readonly path: string
  readonly #temporary: string
  readonly #sharded: boolean
  readonly #shards: Shard[] = []

  private constructor(path: string, sharded: boolean) {
    this.path = path
    this.#sharded = sharded
    this.#temporary = beside(path)
  }

  /**
   * Begins with the headers, for which the metadata need not be known yet: theirs at the end must be as long.
   * @param most bytes of values in a shard; undefined for one file
   * @throws FedunifyError if it cannot be written
   */
  static async create(
    path: string,
    entries: readonly NewEntry[],
    metadata: Metadata,
    most: number | undefined,
  ): Promise<Output> {
    const output = new Output(path, most !== undefined)
    try {
      await makeFolders(dirname(path))
      if (most === undefined) await output.#add(basename(path), entries, metadata)
      else {
        await mkdir(output.#temporary)
        for (const { name, entries: some } of shardsOf(entries, most)) await output.#add(name, some, metadata)
      }
    } catch (error) {
      await output.discard()
      throw outputError(path, error)
    }
    return output
  }

  /** Bytes of all files, without an index. */
  get bytes(): number {
    return this.#shards.reduce((sum, { start, entries }) => sum + start + bytesOf(entries), 0)
  }

  /** Writes bytes of a tensor, from the byte `from` of it on. */
  async write(tensor: string, from: number, bytes: Uint8Array): Promise<void> {
    const { handle, flushing, places } = this.#shards.find(({ places }) => places.has(tensor))!
    await put(handle, bytes, places.get(tensor)! + from).catch((error: unknown) => {
      throw outputError(this.path, error)
    })
    flushing.wrote(bytes.length)
  }

  /**
   * Puts what was written in its place.
   * @param ready comes just before, and can prevent it
   */
  async finish(metadata: Metadata, ready: () => Promise<void>): Promise<void> {
    try {
      for (const { handle, flushing, entries } of this.#shards) {
        await put(handle, encodeHeader(entries, metadata), 0)
        await flushing.finish()
        await handle.close()
      }
      if (this.#sharded) await writeWhole(join(this.#temporary, INDEX_NAME), this.#index())
      await ready()
      if (this.#sharded) await this.#putFolder()
      else await renameFile(this.#temporary, this.path)
      await syncFolder(dirname(this.path))
    } catch (error) {
      await this.discard()
      throw outputError(this.path, error)
    }
  }

  /** Leaves nothing. */
  async discard(): Promise<void> {
    await Promise.all(this.#shards.map(({ handle }) => handle.close().catch(() => {})))
    await rm(this.#temporary, { recursive: true, force: true }).catch(() => {})
  }

  async #add(name: string, entries: readonly NewEntry[], metadata: Metadata): Promise<void> {
    const handle = await open(this.#sharded ? join(this.#temporary, name) : this.#temporary, 'wx')
    const header = encodeHeader(entries, metadata)
    const places = new Map<string, number>()
    let at = header.length
    for (const { name: tensor, bytes } of entries) {
      places.set(tensor, at)
      at += bytes
    }
    this.#shards.push({ name, entries, handle, flushing: new FlushAhead(handle), places, start: header.length })
    await put(handle, header, 0)
  }

  /** A folder that is there is moved out of the way first: none takes the place of one that is not empty. */
  async #putFolder(): Promise<void> {
    const old = (await kindOf(this.path)) === 'none' ? undefined : beside(this.path)
    if (old !== undefined) await renameFile(this.path, old)
    await renameFile(this.#temporary, this.path)
    if (old !== undefined) await rm(old, { recursive: true, force: true })
  }

  #index(): string {
    const all = this.#shards.flatMap(({ name, entries }) => entries.map((entry) => [entry.name, name] as const))
    const size = this.#shards.reduce((sum, { entries }) => sum + bytesOf(entries), 0)
    const index = { metadata: { total_size: size }, weight_map: Object.fromEntries(all) }
    return `${JSON.stringify(index, null, 2)}\n`
  }
}

const bytesOf = (entries: readonly NewEntry[]) => entries.reduce((sum, { bytes }) => sum + bytes, 0)

/** Bytes that are given to the system at a time. */
const CHUNK = 256 * 1024
/** Bytes after which others have their turn: an interruption is heeded, what was read is taken up. */
const TURN = 16 * CHUNK

/**
 * Writes at once, since a thread of the pool would have to wait for this one between two chunks, which merges meanwhile.
 * More at a time makes the system look for large pages of memory. A virtual machine may have given these back to its
 * host: 1 GB took 1.5 s of processor time there, and 0.2 s in small chunks. A nearly full disk may take less than it was
 * given.
 */
async function put({ fd }: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const until = Math.min(done + TURN, bytes.length)
    while (done < until) done += writeSync(fd, bytes, done, Math.min(until - done, CHUNK), at + done)
    if (done < bytes.length) await setImmediate()
  }
}

function outputError(path: string, cause: unknown): unknown {
  if (cause instanceof FedunifyError) return cause
  const { code, message, kind } = writeError(path, cause)
  const hint = kind === 'usage' ? 'name another file with --out' : 'free some space; nothing was left there'
  return new FedunifyError(code, message, hint, { cause })
}
