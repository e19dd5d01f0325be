import { randomBytes } from 'node:crypto'
import { access, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { stringify } from 'csv-stringify/sync'
import { stringify as toYaml } from 'yaml'
import { codeOf, FedunifyError } from '../errors.ts'
import type { FederationEvent, RoundFinished, Started } from '../federation/events.ts'
import type { PreparedRun } from '../federation/prepare.ts'
import { makeFolders } from '../files.ts'
import { encodeSafetensors } from '../model/safetensors.ts'
import { VERSION } from '../package.ts'
import { checkpointFile, encodeCheckpoint, readCheckpoint, type SavedState } from './checkpoint.ts'
import { GrowingFile, putFile, writeError } from './files.ts'
import { lockFolder } from './lock.ts'
import {
  assertSameRun,
  describeRun,
  manifestText,
  type Outcome,
  type RunDescription,
  readManifest,
  type Seconds,
  type Status,
} from './manifest.ts'
import { TABLES, type Table } from './rows.ts'

const EVENTS = 'events.jsonl'

/** A run's folder: takes the federation's events and keeps its files valid at any moment. */
export class RunDirectory {
  readonly path: string
  /** The round to go on from, where the folder is an earlier process's. */
  readonly saved: SavedState | undefined
  readonly #run: PreparedRun
  readonly #description: RunDescription
  readonly #seconds: { -readonly [part in keyof Seconds]: number }
  readonly #began = performance.now()
  readonly #unlock: () => Promise<void>
  #tables: { table: Table; file: GrowingFile }[] = []
  #events: GrowingFile | undefined
  #rounds: number

  private constructor(
    path: string,
    run: PreparedRun,
    description: RunDescription,
    unlock: () => Promise<void>,
    saved?: SavedState,
  ) {
    this.path = path
    this.#unlock = unlock
    this.saved = saved
    this.#run = run
    this.#description = description
    this.#seconds = { ...(saved?.seconds ?? { total: 0, train: 0, merge: 0, evaluate: 0, write: 0 }) }
    this.#rounds = saved?.round ?? 0
  }

  /**
   * A new run's folder. It appears whole, with its config and manifest, or not at all.
   * @throws FedunifyError (usage) where the folder exists or cannot be written
   */
  static async create(path: string, run: PreparedRun): Promise<RunDirectory> {
    const description = describeRun(run)
    const draft = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
    try {
      await makeFolders(draft)
      await putFile(join(draft, 'config.yaml'), toYaml(run.experiment))
      await putFile(join(draft, 'manifest.json'), manifestText({ status: 'running', rounds: 0, ...description }))
      if (await exists(path)) throw new FedunifyError('usage', `${path} exists already`, EXISTS_HINT)
      await rename(draft, path)
    } catch (error) {
      await rm(draft, { recursive: true, force: true }).catch(() => {})
      throw error instanceof FedunifyError ? error : writeError(path, error)
    }
    return new RunDirectory(path, run, description, await lockFolder(path))
  }

  /**
   * The folder of a run that did not finish, to go on after its last complete round.
   * @throws FedunifyError (usage) where the run was another one, naming the keys, or is under way in another process;
   *   (data) where files were changed
   */
  static async resume(path: string, run: PreparedRun): Promise<RunDirectory> {
    const description = describeRun(run)
    const manifest = await readManifest(path)
    assertSameRun(path, manifest, description)
    const unlock = await lockFolder(path)
    try {
      const saved = await readCheckpoint(path)
      // Without it the run would begin anew, over what it has.
      if (!saved && manifest.rounds > 0) {
        const hint = 'restore it, or start the run anew in another folder'
        throw new FedunifyError('data', `${checkpointFile(path)} is missing, ${manifest.rounds} rounds are done`, hint)
      }
      for (const name of await readdir(path)) {
        if (/^\..*\.tmp$/.test(name)) await rm(join(path, name), { force: true })
      }
      return new RunDirectory(path, run, { ...description, started: manifest.started }, unlock, saved)
    } catch (error) {
      await unlock()
      throw error
    }
  }

  async record(event: FederationEvent): Promise<void> {
    if (event.type === 'owner-progress') return
    if (event.type === 'started') await this.#start(event)
    if (event.type === 'round-finished') await this.#addRound(event)
    await this.#events!.append(`${JSON.stringify(plainEvent(event))}\n`)
    if (event.type === 'round-finished') await this.#save(event)
  }

  /** Closes the files and says in the manifest how the run ended. */
  async close(status: Exclude<Status, 'running'>, reason: string): Promise<void> {
    for (const { file } of this.#tables) await file.close()
    await this.#events?.close()
    const finished = new Date().toISOString()
    await this.#writeManifest({ status, reason, rounds: this.#rounds, finished, seconds: this.#spent() })
    await this.#unlock()
  }

  async #start(event: Started): Promise<void> {
    const open = (name: string, head: string) => {
      const mark = this.saved?.files[name]
      const file = join(this.path, name)
      return mark ? GrowingFile.resume(file, mark) : GrowingFile.create(file, head)
    }
    for (const table of TABLES) {
      this.#tables.push({ table, file: await open(table.file, stringify([table.columns(event)])) })
    }
    this.#events = await open(EVENTS, '')
    await this.#writeManifest({ status: 'running', rounds: this.#rounds })
  }

  async #addRound(event: RoundFinished): Promise<void> {
    const began = performance.now()
    for (const { table, file } of this.#tables) await file.append(stringify(table.rows(event)))
    await this.#writeModel(event)
    this.#rounds = event.round
    for (const part of ['train', 'merge', 'evaluate'] as const) this.#seconds[part] += event.seconds[part]
    this.#seconds.write += (performance.now() - began) / 1000
  }

  async #writeModel({ round, weights, merges }: RoundFinished): Promise<void> {
    const { model, experiment } = this.#run
    const metadata = { round: String(round), merge: merges[0]!.merge, seed: String(experiment.seed) }
    await putFile(join(this.path, 'model.safetensors'), encodeSafetensors(weights, metadata))
    // Not at the start of a run: the format's library is large.
    const { inferenceGraph } = await import('../engine/onnx/inference-graph.ts')
    await putFile(join(this.path, 'model.onnx'), inferenceGraph(model, experiment.normalise, weights))
  }

  /** The last write of a round: until it is done, a later process does the whole round again. */
  async #save({ round, weights, baseline }: RoundFinished): Promise<void> {
    const began = performance.now()
    const files = Object.fromEntries(
      await Promise.all([
        ...this.#tables.map(async ({ table, file }) => [table.file, await file.mark()] as const),
        this.#events!.mark().then((mark) => [EVENTS, mark] as const),
      ]),
    )
    const state = { round, unified: weights, pooled: baseline?.weights, files, seconds: this.#spent() }
    await putFile(checkpointFile(this.path), encodeCheckpoint(state))
    this.#seconds.write += (performance.now() - began) / 1000
  }

  #spent(): Seconds {
    const before = this.saved?.seconds.total ?? 0
    return { ...this.#seconds, total: before + (performance.now() - this.#began) / 1000 }
  }

  #writeManifest(outcome: Outcome): Promise<void> {
    return putFile(join(this.path, 'manifest.json'), manifestText({ ...outcome, ...this.#description }))
  }
}

const EXISTS_HINT = 'go on with it by --resume, name another with --run-id, or remove it'

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

/** Raised when a reader of events would have to change. */
const EVENT_FORMAT = 1

/**
 * An event as JSON has it: without the weights, which have a file of their own; counts as lists. The first says what
 * wrote it, and the format of all.
 */
export function plainEvent(event: FederationEvent): object {
  const plain = JSON.parse(
    JSON.stringify(event, (key, value) => {
      if (key === 'weights') return undefined
      return value instanceof Uint32Array ? [...value] : value
    }),
  )
  return event.type === 'started' ? { type: event.type, format: EVENT_FORMAT, fedunify: VERSION, ...plain } : plain
}
