import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { FedunifyError, messageOf, systemCodeOf } from '../../errors.ts'
import { readIfThere } from '../../system/files.ts'

/** A broker that runs on this machine. */
export interface BrokerProcess {
  readonly pid: number
  /** Has it read its configuration again; a new owner can be there once this resolves. */
  reload(): Promise<void>
}

/** Between two signals, in milliseconds: to a process that has not yet looked at the first, they are one. */
const PAUSE = 1000

/**
 * The broker, by its process id or by a file that holds it. Any other program might end at the signal that makes the
 * broker read its configuration: one that is known not to be a broker is refused.
 * @throws FedunifyError (usage) if there is none, or it may not be told anything
 */
export async function brokerProcess(given: string): Promise<BrokerProcess> {
  const pid = Number(/^\d+$/.test(given) ? given : await pidIn(given))
  if (process.platform === 'win32') throw refused(`process ${pid} takes no signals on Windows`, 'restart the broker')
  signal(pid, 0)
  const name = await nameOf(pid)
  if (name !== undefined && name !== 'nats-server') {
    throw refused(`process ${pid} is ${name}, not nats-server`, 'name the process of the broker')
  }
  return {
    pid,
    async reload() {
      // nats-server 2.9 connects a new account with those that were there before only when it reads them a second time:
      // after the first, the new owner is let in, and nobody answers it.
      signal(pid, 'SIGHUP')
      await setTimeout(PAUSE)
      signal(pid, 'SIGHUP')
    },
  }
}

async function pidIn(file: string): Promise<string> {
  const text = (await readIfThere(file, { most: 1024 }))?.toString('utf8').trim()
  if (text !== undefined && /^\d+$/.test(text)) return text
  const why = text === undefined ? 'is no number and no file' : 'holds no process id'
  throw refused(`--pid: ${file} ${why}`, 'the broker writes nats-server.pid in its folder while it runs')
}

function signal(pid: number, name: NodeJS.Signals | 0): void {
  try {
    // 0 and 1 are this process's own group and the system.
    if (pid < 2) throw new Error(`${pid} is no process of a broker`)
    process.kill(pid, name)
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ESRCH') throw refused(`no process ${pid} runs`, 'the broker reads its configuration when it starts')
    if (code === 'EPERM') throw refused(`process ${pid} is of another user`, `sudo kill -HUP ${pid}`)
    throw refused(`--pid: ${messageOf(error)}`)
  }
}

/** What a process is called, on Linux; undefined elsewhere. */
async function nameOf(pid: number): Promise<string | undefined> {
  return await readFile(`/proc/${pid}/comm`, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  )
}

const refused = (message: string, hint?: string) => new FedunifyError('E_BROKER_PROCESS', message, hint)
