import { setTimeout as sleep } from 'node:timers/promises'
import { readManifest } from '../../runs/manifest.ts'
import { type Live, reportDocument } from '../html/document.ts'
import { groupRecords, readRecords } from '../run-record.ts'
import { EventTail, stateText } from './progress.ts'

/** Milliseconds between two looks at a run folder. */
const INTERVAL = 500

/** A run folder that is watched: how the run stands, and its page. */
export class WatchedRun {
  readonly #path: string
  readonly #tail: EventTail
  readonly #listeners = new Set<(live: Live) => void>()
  #live: Live | undefined
  #page: { readonly version: string; readonly text: Promise<string> } | undefined

  constructor(path: string) {
    this.#path = path
    this.#tail = new EventTail(path)
  }

  /** Looks at the folder until the signal; a file that is being replaced is read the next time. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look().catch(() => {})
      await sleep(INTERVAL, undefined, { signal }).catch(() => {})
    }
  }

  /** @throws FedunifyError if there is no run that can be read */
  async look(): Promise<void> {
    const manifest = await readManifest(this.#path)
    const version = `${manifest.status} ${manifest.rounds}`
    const live = { text: stateText(manifest, await this.#tail.trained()), version }
    if (live.text === this.#live?.text && live.version === this.#live.version) return
    this.#live = live
    for (const listener of this.#listeners) listener(live)
  }

  /** Calls the listener now and at each change. @returns what ends that */
  listen(listener: (live: Live) => void): () => void {
    this.#listeners.add(listener)
    if (this.#live) listener(this.#live)
    return () => this.#listeners.delete(listener)
  }

  /** The page as the run stands; drawn once, whoever asks. */
  page(): Promise<string> {
    const live = this.#live!
    if (this.#page?.version !== live.version) {
      const before = this.#page
      const text = this.#draw(live).catch((error: unknown) => {
        // The run was writing: the page of before stands until the next time.
        this.#page = before
        if (before) return before.text
        throw error
      })
      this.#page = { version: live.version, text }
    }
    return this.#page!.text
  }

  async #draw(live: Live): Promise<string> {
    return reportDocument(groupRecords(await readRecords([this.#path])), live)
  }
}
