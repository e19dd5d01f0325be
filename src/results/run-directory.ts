import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'csv-stringify/sync'
import { stringify as toYaml } from 'yaml'
import { inferenceGraph } from '../engine/onnx/inference-graph.ts'
import { codeOf, FedunifyError } from '../errors.ts'
import type { FederationEvent, RoundFinished, Started } from '../federation/events.ts'
import type { PreparedRun } from '../federation/prepare.ts'
import { encodeSafetensors } from '../model/safetensors.ts'
import { GrowingFile, putFile, writeError } from './files.ts'
import { describeRun, type Outcome, type RunDescription, type Status } from './manifest.ts'
import { TABLES, type Table } from './rows.ts'

/** A run's folder: takes the federation's events and keeps its files valid at any moment. */
export class RunDirectory {
  readonly path: string
  readonly #parts: PreparedRun
  readonly #description: RunDescription
  readonly #tables: { table: Table; file: GrowingFile }[] = []
  readonly #seconds = { train: 0, merge: 0, evaluate: 0, write: 0 }
  readonly #began = performance.now()
  #events: GrowingFile | undefined
  #rounds = 0

  private constructor(path: string, parts: PreparedRun, description: RunDescription) {
    this.path = path
    this.#parts = parts
    this.#description = description
  }

  /** @throws FedunifyError (usage) where the folder exists or cannot be written; nothing is left behind then */
  static async create(path: string, parts: PreparedRun): Promise<RunDirectory> {
    const { name, out } = parts.experiment
    const description = await describeRun(parts)
    await makeFolder(path, join(out, name))
    const run = new RunDirectory(path, parts, description)
    try {
      await putFile(join(path, 'config.yaml'), toYaml(parts.experiment))
      await run.#writeManifest({ status: 'running', rounds: 0 })
      run.#events = await GrowingFile.create(join(path, 'events.jsonl'))
      return run
    } catch (error) {
      await rm(path, { recursive: true, force: true })
      throw error
    }
  }

  async record(event: FederationEvent): Promise<void> {
    if (event.type === 'owner-progress') return
    if (event.type === 'started') await this.#start(event)
    if (event.type === 'round-finished') await this.#addRound(event)
    await this.#events!.append(`${JSON.stringify(plainEvent(event))}\n`)
  }

  /** Closes the files and says in the manifest how the run ended. */
  async close(status: Exclude<Status, 'running'>, reason: string): Promise<void> {
    for (const { file } of this.#tables) await file.close()
    await this.#events!.close()
    const total = (performance.now() - this.#began) / 1000
    const finished = new Date().toISOString()
    await this.#writeManifest({ status, reason, rounds: this.#rounds, finished, seconds: { total, ...this.#seconds } })
  }

  async #start(event: Started): Promise<void> {
    for (const table of TABLES) {
      const file = await GrowingFile.create(join(this.path, table.file), stringify([table.columns(event)]))
      this.#tables.push({ table, file })
    }
  }

  async #addRound(event: RoundFinished): Promise<void> {
    const began = performance.now()
    const { model, experiment } = this.#parts
    const metadata = { round: String(event.round), merge: event.merges[0]!.merge, seed: String(experiment.seed) }
    await putFile(join(this.path, 'model.safetensors'), encodeSafetensors(event.weights, metadata))
    await putFile(join(this.path, 'model.onnx'), inferenceGraph(model, experiment.normalise, event.weights))
    for (const { table, file } of this.#tables) await file.append(stringify(table.rows(event)))
    this.#rounds = event.round
    for (const part of ['train', 'merge', 'evaluate'] as const) this.#seconds[part] += event.seconds[part]
    this.#seconds.write += (performance.now() - began) / 1000
  }

  #writeManifest(outcome: Outcome): Promise<void> {
    return putFile(join(this.path, 'manifest.json'), manifestText({ ...outcome, ...this.#description }))
  }
}

/** JSON for people too: lists of numbers stay on one line. */
function manifestText(manifest: object): string {
  const list = /\[\s+(-?[\d.e+-]+(?:,\s+-?[\d.e+-]+)*)\s+\]/g
  return `${JSON.stringify(manifest, null, 2).replace(list, (_, items: string) => `[${items.replace(/\s+/g, ' ')}]`)}\n`
}

async function makeFolder(path: string, parent: string): Promise<void> {
  try {
    await mkdir(parent, { recursive: true })
    await mkdir(path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw writeError(path, error)
    throw new FedunifyError('usage', `${path} exists already`, 'name another with --run-id, or remove it')
  }
}

/** An event as JSON has it: without the weights, which have a file of their own; counts as lists. */
export function plainEvent(event: FederationEvent): object {
  return JSON.parse(
    JSON.stringify(event, (key, value) => {
      if (key === 'weights') return undefined
      return value instanceof Uint32Array ? [...value] : value
    }),
  )
}
