import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { messageOf } from '../errors.ts'

/** How a process ended, as the end of a sentence: "ended with exit code 4". */
export interface Ended {
  readonly code: number | null
  readonly how: string
}

export interface Party {
  readonly name: string
  readonly ended: Promise<Ended>
}

interface PartySettings {
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  readonly cwd?: string
  /** Told of each line that it writes to stderr. */
  line(text: string): void
}

interface Started extends Party {
  readonly child: ChildProcess
}

/** Milliseconds that a process has to stop when it is asked to. */
const PATIENCE = 8000

/**
 * Ends what this process has started if this process is killed and cannot: its input is then at an end. It is told who
 * runs (+pid) and who does not any more (-pid), for process ids are used again.
 */
const GUARD = `
const running = new Set()
const folders = []
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const value = line.slice(1)
  if (line[0] === '+') running.add(Number(value))
  if (line[0] === '-') running.delete(Number(value))
  if (line[0] === '/') folders.push(value)
}).on('close', () => {
  for (const pid of running) {
    try { process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL') } catch {}
  }
  for (const folder of folders) require('node:fs').rmSync(folder, { recursive: true, force: true, maxRetries: 9 })
})`

/**
 * Processes that play together, and a folder that goes with them. Nothing of it outlives this process, however that
 * ends. Each has a process group of its own: Ctrl-C in a terminal reaches this process alone, which stops them in order.
 */
export class Stage {
  readonly #guard: ChildProcess
  readonly #parties: Started[] = []
  readonly #folder: string | undefined

  /** @param folder that is removed at the end */
  constructor(folder: string | undefined) {
    this.#folder = folder
    this.#guard = spawn(process.execPath, ['-e', GUARD], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
    this.#guard.on('error', () => {})
    this.#guard.stdin!.on('error', () => {})
    if (folder !== undefined) this.#tell(`/${folder}`)
  }

  start({ name, program, args, cwd, line }: PartySettings): Party {
    const { FORCE_COLOR, ...env } = process.env
    const child = spawn(program, args, {
      cwd,
      env: { ...env, NO_COLOR: '1' },
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    if (child.pid !== undefined) this.#tell(`+${child.pid}`)
    createInterface({ input: child.stderr as Readable }).on('line', line)
    const ended = once(child, 'close').then(
      ([code, signal]): Ended => ({
        code,
        how: code === null ? `was ended by ${signal}` : `ended with exit code ${code}`,
      }),
      (error: unknown): Ended => ({ code: null, how: `did not start: ${messageOf(error)}` }),
    )
    void ended.then(() => child.pid !== undefined && this.#tell(`-${child.pid}`))
    const party = { name, child, ended }
    this.#parties.push(party)
    return party
  }

  /** Stops all, those that started last first, and removes the folder. */
  async close(): Promise<void> {
    for (const party of this.#parties.reverse()) await stop(party)
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true, maxRetries: 9 })
    const gone = this.#guard.pid === undefined || this.#guard.exitCode !== null ? undefined : once(this.#guard, 'close')
    this.#guard.stdin!.end()
    await gone
  }

  #tell(line: string): void {
    this.#guard.stdin!.write(`${line}\n`)
  }
}

async function stop({ child, ended }: Started): Promise<void> {
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
  await ended
  clearTimeout(late)
}
