import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { codeOf, FedunifyError } from '../errors.ts'
import { writeError } from './files.ts'

const FILE = '.lock'

/** A holder says so often that it lives; on another machine that is all that can be known of it. */
const BEAT_MS = 10_000
const SILENCE_MS = 60_000

interface Holder {
  readonly pid: number
  readonly host: string
  /** When the process began, in the system's own measure, where it tells: numbers of processes are given out again. */
  readonly began: string | undefined
}

/**
 * Takes a run folder for this process: two that write into one folder would tear its files. What a killed process left
 * behind is no obstacle.
 * @returns what gives the folder back
 * @throws FedunifyError (usage) where another process is at work in it
 */
export async function lockFolder(dir: string): Promise<() => Promise<void>> {
  const file = join(dir, FILE)
  const holder: Holder = { pid: process.pid, host: hostname(), began: beganAt(process.pid) }
  while (!(await taken(file, JSON.stringify(holder)))) await removeStale(file, dir)
  const beat = setInterval(() => utimes(file, new Date(), new Date()).catch(() => {}), BEAT_MS).unref()
  return async () => {
    clearInterval(beat)
    await rm(file, { force: true })
  }
}

async function taken(file: string, content: string): Promise<boolean> {
  try {
    await writeFile(file, content, { flag: 'wx' })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw writeError(file, error)
  }
}

async function removeStale(file: string, dir: string): Promise<void> {
  const found = await look(file)
  if (!found) return
  if (isAlive(found)) throw inUse(file, dir, found.holder)
  // Another process may have come to the same view a moment ago and hold the folder now: then this is not what was seen.
  const aside = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await rename(file, aside)
    if ((await readFile(aside, 'utf8')) === found.text) await rm(aside)
    else await rename(aside, file)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw writeError(file, error)
  }
}

interface Found {
  readonly text: string
  /** Undefined where the text was not written whole. */
  readonly holder: Holder | undefined
  readonly silence: number
}

async function look(file: string): Promise<Found | undefined> {
  try {
    const text = await readFile(file, 'utf8')
    return { text, holder: parsed(text), silence: Date.now() - (await stat(file)).mtimeMs }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw writeError(file, error)
  }
}

function isAlive({ holder, silence }: Found): boolean {
  if (holder?.host !== hostname()) return silence < SILENCE_MS
  // A run of this very process that was not closed has failed.
  if (holder.pid === process.pid) return false
  return exists(holder.pid) && beganAt(holder.pid) === holder.began
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/** Field 22 of /proc/PID/stat (proc(5)), behind the name in brackets, which may hold anything. */
function beganAt(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

function parsed(text: string): Holder | undefined {
  try {
    const { pid, host, began } = JSON.parse(text)
    return { pid: Number(pid), host: String(host), began }
  } catch {
    return undefined
  }
}

function inUse(file: string, dir: string, holder: Holder | undefined): FedunifyError {
  const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process'
  const hint = `wait for it, or stop it; if there is no such process, remove ${file}`
  return new FedunifyError('usage', `${dir}: ${who} is at work in this run folder`, hint)
}
