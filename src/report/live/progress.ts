import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf } from '../../errors.ts'
import { lastRound } from '../../federation/schedule.ts'
import { roundsText } from '../../format.ts'
import type { Manifest } from '../../runs/run-description.ts'
import { EVENTS } from '../../runs/tables.ts'

/** Which owners have trained in the round that is under way, by the events of a run as they are written. */
export class EventTail {
  readonly #file: string
  #offset = 0
  #begun = ''
  #trained = 0

  constructor(run: string) {
    this.#file = join(run, EVENTS)
  }

  /** Reads what was added. @returns how many owners have trained in this round */
  async trained(): Promise<number> {
    const size = await sizeOf(this.#file)
    // A resumed run cuts off what did not count.
    if (size < this.#offset) this.#forget()
    while (this.#offset < size) this.#take(await this.#read(Math.min(size - this.#offset, PIECE)))
    return this.#trained
  }

  #forget(): void {
    this.#offset = 0
    this.#begun = ''
    this.#trained = 0
  }

  async #read(length: number): Promise<string> {
    const file = await open(this.#file)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, this.#offset)
      this.#offset += bytesRead
      // Cut short meanwhile.
      if (bytesRead === 0) this.#offset = Number.POSITIVE_INFINITY
      return buffer.toString('latin1', 0, bytesRead)
    } finally {
      await file.close()
    }
  }

  /** Types are told by how lines begin: a line of many owners is long, and needs no parsing. */
  #take(text: string): void {
    const lines = `${this.#begun}${text}`.split('\n')
    this.#begun = lines.pop()!
    for (const line of lines) {
      if (line.startsWith('{"type":"owner-trained"')) this.#trained += 1
      if (line.startsWith('{"type":"round-finished"') || line.startsWith('{"type":"started"')) this.#trained = 0
    }
  }
}

const PIECE = 2 ** 20

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return 0
    throw error
  }
}

/** How a run stands, in a sentence. */
export function stateText({ status, rounds, reason, config, shards }: Manifest, trained: number): string {
  const of = `${rounds} of ${config.rounds} rounds`
  switch (status) {
    case 'running':
      // Behind the last round, files are still written.
      if (rounds >= lastRound(config)) return `Running: ${of} done.`
      return `Running: ${of} done. Round ${rounds + 1}: ${trained} of ${shards.length} owners have trained.`
    case 'finished':
      return `Finished after ${roundsText(rounds)}.`
    case 'interrupted':
      return `Interrupted after ${of}.`
    case 'failed':
      return `Failed after ${of}${reason ? `: ${reason}` : '.'}`
  }
}
