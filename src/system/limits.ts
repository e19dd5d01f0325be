import { readdirSync, readFileSync } from 'node:fs'
import { FedunifyError, systemCodeOf } from '../errors.ts'
import { bytes } from '../format.ts'

/** What a thread takes: 0.61 GB were seen, nearly all of it set aside by V8 and by the memory of its own. */
const THREAD = 0.65e9
/** What training takes besides: with 0.4 GB the default model trains, with 0.3 it fails. */
const WORK = 0.4e9

/** Files that a thread has open, at most while it loads what it runs; and a run besides. */
const [THREAD_FILES, RUN_FILES] = [5, 8]

/** Node has about twenty open, and as many more while it loads modules. */
const FEW_FILES = 64

/** What this process may have, and has. */
export interface Room {
  readonly limit: number
  readonly used: number
}

/** Bytes of addresses; undefined if they are not limited, and elsewhere than on Linux. */
export const addressSpace = (): Room | undefined =>
  room('address space', () => {
    const size = /^VmSize:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]
    return 1024 * Number(size)
  })

/** Open files; undefined as for addresses. */
const openFiles = (): Room | undefined => room('open files', () => readdirSync('/proc/self/fd').length)

/** Whether so few open files are allowed that none may be left to load a program with. */
export function allowsFewFiles(): boolean {
  try {
    return Number(limitOf('open files')) < FEW_FILES
  } catch (error) {
    return systemCodeOf(error) === 'EMFILE'
  }
}

function room(what: string, used: () => number): Room | undefined {
  try {
    const limit = limitOf(what)
    return limit === undefined ? undefined : { limit: Number(limit), used: used() }
  } catch {
    return undefined
  }
}

/** Undefined if it is unlimited. @throws the system's error if this system tells no limits */
const limitOf = (what: string): string | undefined =>
  new RegExp(`^Max ${what} +(\\d+)`, 'm').exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]

/**
 * Looks whether so many threads can train here. Where addresses or files run out in the midst of it, V8 and the native
 * library end the process without a word of ours: that must not come to pass.
 * @throws FedunifyError (usage) that names the limit, and how many threads would fit
 */
export function requireRoom(threads: number, addresses = addressSpace(), files = openFiles()): void {
  const lacking = (room: Room | undefined, work: number, thread: number) => {
    if (room === undefined || room.used + work + threads * thread <= room.limit) return undefined
    const fit = Math.floor((room.limit - room.used - work) / thread)
    return { needed: room.used + work + threads * thread, fewer: fit > 0 ? `, or use --workers ${fit}` : '', ...room }
  }
  const space = lacking(addresses, WORK, THREAD)
  if (space) {
    const limit = `the address space is limited to ${bytes(space.limit)} (ulimit -v)`
    const hint = `raise the limit (ulimit -v unlimited)${space.fewer}`
    throw new FedunifyError('E_MEMORY', `${limit}, and training takes ${bytes(space.needed)} here`, hint)
  }
  const open = lacking(files, RUN_FILES, THREAD_FILES)
  if (open) {
    const limit = `open files are limited to ${open.limit} (ulimit -n)`
    const hint = `raise the limit (ulimit -n 1024)${open.fewer}`
    throw new FedunifyError('E_FILE_LIMIT', `${limit}, and training takes ${open.needed} here`, hint)
  }
}
