import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { systemCodeOf } from '../../errors.ts'

/** The process that holds a run folder, so that others can tell whether it still lives. */
export interface Holder {
  readonly pid: number
  readonly host: string
  /** Of the system that it runs on, another at each boot: two machines, or containers, may share a host name. */
  readonly boot: string | undefined
  /** The space in which `pid` is a number: containers have one each, and in each of them somebody is number 1. */
  readonly space: string | undefined
  /** When the process began, in the system's own measure, if it tells: numbers are given out again. */
  readonly began: string | undefined
}

/** This process. */
export const ourselves = (): Holder => ({
  pid: process.pid,
  host: hostname(),
  boot: told(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
  space: told(() => readlinkSync('/proc/self/ns/pid')),
  began: beganAt('self'),
})

/** What a lock says of its holder; undefined if it was not written whole. */
export function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, host, boot, space, began } = JSON.parse(text)
    return Number.isInteger(pid) ? { pid, host: String(host), boot, space, began } : undefined
  } catch {
    return undefined
  }
}

/** Whether a holder lives, if that can be seen from here; `unknown` if its process would be out of sight. */
export function stateOf(holder: Holder): 'alive' | 'dead' | 'unknown' {
  const here = ourselves()
  if (holder.host !== here.host || holder.boot !== here.boot || holder.space !== here.space) return 'unknown'
  if (process.platform === 'linux' && !(here.boot && here.space && seesItself())) return 'unknown'
  if (!exists(holder.pid)) return 'dead'
  return beganAt(holder.pid) === holder.began ? 'alive' : 'dead'
}

/** Whether /proc shows the processes of this space, under its numbers. */
const seesItself = () => told(() => readlinkSync('/proc/self')) === String(process.pid)

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return systemCodeOf(error) === 'EPERM'
  }
}

/** Field 22 of /proc/PID/stat (proc(5)), behind the name in brackets, which may hold anything. */
function beganAt(pid: number | 'self'): string | undefined {
  return told(() => {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
  })
}

function told<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
