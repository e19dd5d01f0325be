import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Finding } from '../../doctor/finding.ts'
import { FedunifyError, messageOf } from '../../errors.ts'
import { connectParty } from '../../federation/nats/connection.ts'
import { TASKS } from '../../federation/nats/streams.ts'
import { ownerToken } from '../../federation/nats/wire.ts'
import { API_PREFIX } from '../../federation/setup/broker-config.ts'
import type { OwnerFolder } from '../../federation/setup/folders.ts'
import { duration } from '../../format.ts'

/** Seconds by which clocks may differ: a certificate begins an hour before it was made. */
const TOLERATED = 300

/** What only this owner can: be let in, and take its tasks. */
export async function checkAccount(folder: OwnerFolder, signal: AbortSignal): Promise<Finding[]> {
  let connection: NatsConnection | undefined
  const token = ownerToken(folder.owner)
  try {
    connection = await connectParty({ ...folder, token }, () => {}, signal)
    const account: Finding = { subject: 'account', status: 'ok', detail: `let in as owner ${folder.owner}` }
    return [account, ...(await checkTasks(connection, token))]
  } catch (error) {
    const known = error instanceof FedunifyError ? error : undefined
    const detail = signal.aborted ? 'the broker did not let this owner in within the time allowed' : messageOf(error)
    return [{ subject: 'account', status: 'problem', detail, ...(known?.hint && { fix: known.hint }) }]
  } finally {
    await connection?.close()
  }
}

async function checkTasks(connection: NatsConnection, token: string): Promise<Finding[]> {
  const unknown: Finding = {
    subject: 'clock',
    status: 'absent',
    detail: 'within the time of the certificate; nats-server before 2.10 does not tell its own',
  }
  try {
    const manager = await jetstreamManager(connection, { apiPrefix: API_PREFIX, checkAPI: false, timeout: 3000 })
    const asked = Date.now()
    const { num_pending: waiting, ts } = (await manager.consumers.info(TASKS, token)) as ConsumerState
    const tasks = waiting === 0 ? 'none waits' : `${waiting} waits`
    return [
      { subject: 'tasks', status: 'ok', detail: `the server has been there: tasks can be taken, ${tasks}` },
      ts === undefined ? unknown : clockFinding(new Date(ts).getTime(), (asked + Date.now()) / 2),
    ]
  } catch (error) {
    // The streams are the server's: it makes them at its first run.
    if (/not found/i.test(messageOf(error))) {
      return [
        { subject: 'tasks', status: 'absent', detail: 'no server has been there yet: it makes what is needed' },
        unknown,
      ]
    }
    return [
      { subject: 'tasks', status: 'problem', detail: `JetStream does not answer this owner: ${messageOf(error)}` },
    ]
  }
}

interface ConsumerState {
  readonly num_pending: number
  /** The broker's time; nats-server tells it from 2.10 on. */
  readonly ts?: string
}

/** How the clock here is judged, in milliseconds since 1970. */
export function clockFinding(there: number, here: number): Finding {
  const seconds = (here - there) / 1000
  const off = Math.abs(seconds)
  const detail = `${duration(off)} ${seconds < 0 ? 'behind' : 'ahead of'} the broker's`
  if (off <= TOLERATED) return { subject: 'clock', status: 'ok', detail }
  return { subject: 'clock', status: 'warning', detail, fix: 'timedatectl set-ntp true' }
}
