import { rm } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import { ownRules } from '../../algorithm/merge/own-rule.ts'
import { FedunifyError } from '../../errors.ts'
import type { RoundFinished, RunEvent, Started } from '../../federation/events.ts'
import { beside, makeFolders } from '../../system/files.ts'
import { syncFolder } from '../../system/flush.ts'
import { sharedPath } from '../../system/shared-path.ts'
import { encodeSafetensors } from '../../weights/safetensors.ts'
import { checkpointFile, encodeCheckpoint, NOTHING_DONE, type SavedState } from '../checkpoint.ts'
import { manifestFile, readManifest } from '../manifest.ts'
import { partOf, sealedManifest, sealedParts } from '../manifest-text.ts'
import {
  type Manifest,
  type NoiseDescription,
  type Outcome,
  runIdentity,
  type Seconds,
  type Status,
} from '../run-description.ts'
import { CHECKPOINT, CONFIG, MANIFEST, RULES } from '../run-files.ts'
import { assertSameRun } from '../same-run.ts'
import { HEAD_MODELS, MODELS } from '../tables.ts'
import { type Mark, markOf, putFile, writeError } from './growing-file.ts'
import { GrowingTables } from './growing-tables.ts'
import { keepChange } from './keep-change.ts'
import { keepConfig } from './keep-config.ts'
import { dropKeptAfter, KeptWeights } from './kept-weights.ts'
import { FolderLock, type Patience } from './lock.ts'
import { exists, place } from './place-folder.ts'
import type { RunPlan } from './run-plan.ts'
import { removeDrafts, savedState } from './saved-state.ts'

/** A run's folder: takes the federation's events and keeps its files valid at any moment. */
export class RunFolder {
  readonly path: string
  /** The state to go on from; round 0 if no round is done. */
  readonly saved: SavedState
  readonly #plan: RunPlan
  readonly #identity: string
  readonly #lock: FolderLock
  readonly #seconds: { -readonly [part in keyof Seconds]: number }
  readonly #began = performance.now()
  readonly #kept: KeptWeights
  #growing: GrowingTables | undefined
  /** The text of what its manifest says of the run. */
  #fixed: Uint8Array | undefined
  #rounds: number

  private constructor(path: string, plan: RunPlan, lock: FolderLock, saved: SavedState = NOTHING_DONE) {
    this.path = path
    this.saved = saved
    this.#plan = plan
    this.#identity = runIdentity(plan.description)
    this.#lock = lock
    this.#seconds = { ...saved.seconds }
    this.#rounds = saved.round
    this.#kept = new KeptWeights(path, saved.files, (name, content) => this.#put(name, content, false))
  }

  /**
   * A new run's folder. It appears whole, with its config, manifest and checkpoint, and held by this process; or not at
   * all.
   * @param options whether another name is taken if there is something of this one: `path-2`, `path-3`, …
   * @throws FedunifyError (usage) if the folder exists or cannot be written
   */
  static async create(path: string, plan: RunPlan, { another = false } = {}): Promise<RunFolder> {
    const { description } = plan
    const draft = beside(path)
    let lock: FolderLock | undefined
    const outer = dirname(path)
    try {
      if (await exists(manifestFile(outer))) {
        const hint = 'choose another --name or --out'
        throw new FedunifyError('E_RUN_EXISTS', `${outer} is a run folder: no other is made in it`, hint)
      }
      await makeFolders(draft)
      lock = await FolderLock.take(draft)
      await keepConfig(draft, description.config)
      const saved = { ...NOTHING_DONE, run: runIdentity(description), data: plan.data }
      await putFile(checkpointFile(draft), encodeCheckpoint(saved), { flushFolder: false })
      await putFile(manifestFile(draft), sealedManifest({ status: 'running', rounds: 0, ...description }))
      const placed = await place(lock, path, another)
      await syncFolder(outer)
      return new RunFolder(placed, plan, lock)
    } catch (error) {
      await lock?.release()
      await rm(draft, { recursive: true, force: true }).catch(() => {})
      throw error instanceof FedunifyError ? error : writeError(path, error)
    }
  }

  /**
   * The folder of a run that did not finish, to go on after its last complete round.
   * @throws FedunifyError (usage) if the run was another one, naming the keys, or is under way in another process;
   *   (data) if files were changed, or are missing
   */
  static async resume(path: string, plan: RunPlan, patience: Patience = {}): Promise<RunFolder> {
    const { description } = plan
    assertSameRun(path, await readManifest(path), description)
    const lock = await FolderLock.take(path, patience)
    try {
      // Anew: whoever held the folder may have gone on until a moment ago.
      const manifest = await readManifest(path)
      const saved = await savedState(path, manifest, plan)
      await removeDrafts(path)
      await dropKeptAfter(path, saved.round)
      const kept = { ...(manifest.experiment_file !== undefined && { experiment_file: manifest.experiment_file }) }
      const noise = withLostRound(description.noise, manifest)
      const begun = {
        ...plan,
        description: { ...kept, ...description, started: manifest.started, ...(noise && { noise }) },
      }
      await keepChange(path, manifest, saved, begun.description)
      return new RunFolder(path, begun, lock, saved)
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** Rounds of a run with noise that were begun and not finished. */
  get lost(): number {
    return this.#plan.description.noise?.lost_rounds ?? 0
  }

  async record(event: RunEvent): Promise<void> {
    if (event.type === 'owner-progress') return
    try {
      await (event.type === 'owner-trained' ? this.#lock.assertHeldOfLate() : this.#lock.assertHeld())
      if (event.type === 'started') await this.#start(event)
      if (event.type === 'owner-trained') await this.#timed(this.#kept.add(event))
      if (event.type === 'round-finished') await this.#timed(this.#addRound(event))
      await this.#growing?.addEvent(this.#shared(event))
      if (event.type === 'round-finished') await this.#timed(this.#save(event))
    } catch (error) {
      // Whoever took the folder clears it of what was being written: that is why it failed, then.
      await this.#lock.assertHeld()
      throw error
    }
  }

  /** Closes the files, says in the manifest how the run ended, and gives the folder back. */
  async close(status: Exclude<Status, 'running'>, reason: string): Promise<void> {
    try {
      const outcome = {
        status,
        reason: this.#sharedText(reason),
        rounds: this.#rounds,
        finished: new Date().toISOString(),
        seconds: this.#spent(),
      }
      const files = status === 'finished' ? { files: await this.#allMarks() } : {}
      await this.#growing?.close()
      await this.#writeManifest({ ...outcome, ...files })
    } finally {
      await this.#lock.release()
    }
  }

  /** An event without where this folder lies on the machine. */
  #shared(event: RunEvent): RunEvent {
    return event.type === 'failed' ? { ...event, message: this.#sharedText(event.message) } : event
  }

  #sharedText(text: string): string {
    return isAbsolute(this.path) ? text.replaceAll(this.path, sharedPath(this.path)) : text
  }

  async #start(event: Started): Promise<void> {
    this.#growing = await GrowingTables.open(this.path, this.#plan.description, event, this.saved.files)
    await this.#writeManifest({ status: 'running', rounds: this.#rounds })
  }

  /** Counts as writing. */
  async #timed(work: Promise<void>): Promise<void> {
    const began = performance.now()
    await work
    this.#seconds.write += (performance.now() - began) / 1000
  }

  async #addRound(event: RoundFinished): Promise<void> {
    await this.#growing!.addRound(event)
    await this.#writeModel(event)
    for (const part of ['train', 'merge', 'evaluate'] as const) this.#seconds[part] += event.seconds[part]
  }

  async #writeModel({ round, weights, head, merges }: RoundFinished): Promise<void> {
    const { description, exportModel, exportHead } = this.#plan
    const metadata = { round: String(round), merge: merges[0]!.merge, seed: String(description.config.seed) }
    await this.#put(MODELS[0], encodeSafetensors(weights, metadata), false)
    await this.#put(MODELS[1], await exportModel(weights), false)
    if (!head) return
    const fitted = await exportHead(weights, head)
    const named = { ...metadata, head: merges.at(-1)!.merge }
    await this.#put(HEAD_MODELS[0], encodeSafetensors(fitted.weights, named), false)
    await this.#put(HEAD_MODELS[1], fitted.onnx, false)
  }

  /** What makes a round count: until the checkpoint is written, a later process does the whole round again. */
  async #save({ round, weights, serverState, ownerStates, baseline }: RoundFinished): Promise<void> {
    await this.#kept.flush(round)
    const files = { ...(await this.#growing!.marks()), ...this.#kept.marks }
    const models = { unified: weights, pooled: baseline?.weights, serverState, ownerStates }
    const state = { round, ...models, files, seconds: this.#spent(), run: this.#identity, data: this.#plan.data }
    await this.#put(CHECKPOINT, encodeCheckpoint(state))
    this.#rounds = round
    // Its name is flushed with the next checkpoint: until then an older count serves, which is never too large.
    await this.#writeManifest({ status: 'running', rounds: round }, false)
  }

  async #allMarks(): Promise<Record<string, Mark>> {
    return { ...(await this.#growing?.marks()), ...(await this.#otherMarks()), ...this.#kept.marks }
  }

  /** Of the files that are written whole, but for kept weights. */
  async #otherMarks(): Promise<Record<string, Mark>> {
    const rules = ownRules(this.#plan.description.config.merge).map(({ file }) => `${RULES}/${file}`)
    const names = [CONFIG, ...rules, CHECKPOINT, ...MODELS, ...HEAD_MODELS]
    const marks = names.map(async (name) => [name, await markOf(join(this.path, name))] as const)
    return Object.fromEntries((await Promise.all(marks)).flatMap(([name, mark]) => (mark ? [[name, mark]] : [])))
  }

  #spent(): Seconds {
    const before = this.saved.seconds.total
    return { ...this.#seconds, total: before + (performance.now() - this.#began) / 1000 }
  }

  #writeManifest(outcome: Outcome, flushFolder = true): Promise<void> {
    this.#fixed ??= partOf(this.#plan.description)
    return this.#put(MANIFEST, sealedParts(partOf(outcome), this.#fixed), flushFolder)
  }

  /** Writes a file, unless the folder is another's by then. */
  #put(name: string, content: string | Uint8Array, flushFolder = true): Promise<void> {
    return putFile(join(this.path, name), content, { ready: () => this.#lock.assertHeld(), flushFolder })
  }
}

/**
 * A run that did not come to its end may have been in a round whose noise somebody has seen: the round is done again with
 * other noise, so it counts once more. The manifest says so before the first round begins.
 */
function withLostRound(noise: NoiseDescription | undefined, was: Manifest): NoiseDescription | undefined {
  const lost = (was.noise?.lost_rounds ?? 0) + (was.status === 'finished' ? 0 : 1)
  return noise && { ...noise, lost_rounds: lost }
}
