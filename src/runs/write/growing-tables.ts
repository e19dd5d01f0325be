import { join } from 'node:path'
import { stringify } from 'csv-stringify/sync'
import type { RoundFinished, RunEvent, Started } from '../../federation/events.ts'
import { disclosureHead, disclosureLines } from '../disclosure.ts'
import { plainEvent } from '../plain-event.ts'
import type { RunDescription } from '../run-description.ts'
import { DISCLOSURE, EVENTS, type Table, tablesOf } from '../tables.ts'
import { GrowingFile, type Mark } from './growing-file.ts'

/** The files of a run that grow with its rounds: its tables, what left the owners, its events. */
export class GrowingTables {
  readonly #description: RunDescription
  readonly #started: Started
  readonly #tables: readonly { readonly table: Table; readonly file: GrowingFile }[]
  readonly #disclosure: GrowingFile
  readonly #events: GrowingFile

  private constructor(
    description: RunDescription,
    started: Started,
    tables: readonly { readonly table: Table; readonly file: GrowingFile }[],
    [disclosure, events]: readonly [GrowingFile, GrowingFile],
  ) {
    this.#description = description
    this.#started = started
    this.#tables = tables
    this.#disclosure = disclosure
    this.#events = events
  }

  /**
   * Begins them, or goes on behind their marks.
   * @param marks of a checkpoint
   */
  static async open(
    dir: string,
    description: RunDescription,
    started: Started,
    marks: Readonly<Record<string, Mark>>,
  ): Promise<GrowingTables> {
    const open = (name: string, head: string) => {
      const mark = marks[name]
      const path = join(dir, name)
      return mark ? GrowingFile.resume(path, mark) : GrowingFile.create(path, head)
    }
    const tables = tablesOf(description.config)
    // All at once: each waits for the disk.
    const opened = await Promise.allSettled([
      open(DISCLOSURE, disclosureHead(description)),
      open(EVENTS, ''),
      ...tables.map((table) => open(table.file, stringify([table.columns(started)]))),
    ])
    const files = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const failed = opened.find((one) => one.status === 'rejected')
    if (failed) {
      for (const file of files) await file.close()
      throw failed.reason
    }
    const [disclosure, events, ...rest] = files
    const withFiles = tables.map((table, i) => ({ table, file: rest[i]! }))
    return new GrowingTables(description, started, withFiles, [disclosure!, events!])
  }

  async addRound(event: RoundFinished): Promise<void> {
    for (const { table, file } of this.#tables) await file.append(stringify(table.rows(event, this.#started)))
    await this.#disclosure.append(disclosureLines(this.#description, event))
  }

  async addEvent(event: RunEvent): Promise<void> {
    await this.#events.append(`${JSON.stringify(plainEvent(event))}\n`)
  }

  /** How far each has come; it is on the disk. */
  async marks(): Promise<Record<string, Mark>> {
    const marks = this.#files().map(async (file) => [file.name, await file.mark()] as const)
    return Object.fromEntries(await Promise.all(marks))
  }

  async close(): Promise<void> {
    for (const file of this.#files()) await file.close()
  }

  #files(): GrowingFile[] {
    return [...this.#tables.map(({ file }) => file), this.#disclosure, this.#events]
  }
}
