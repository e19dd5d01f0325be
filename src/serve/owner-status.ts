import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream'
import { FedunifyError, messageOf } from '../errors.ts'
import { decodeSigned } from '../federation/nats/signed.ts'
import { ACK_WAIT, DONE, TASKS } from '../federation/nats/streams.ts'
import { type LiveSchema, ownerToken, ReplySchema, type Task, TaskSchema } from '../federation/nats/wire.ts'
import type { Owner } from '../federation/setup/federation.ts'
import type { ServerFolder } from '../federation/setup/folders.ts'
import { publicKey } from '../federation/setup/keys.ts'

/** Milliseconds for which signs of life are listened to: without one for so long, a task is given again. */
export const LISTEN = ACK_WAIT

/** What an owner does in the run at work; `absent` if it was asked nothing in it. */
type OwnerState = 'absent' | 'invited' | 'training' | 'evaluating' | 'summarising' | 'masking' | 'done'

type Live = NonNullable<ReturnType<typeof LiveSchema.parse>['progress']>

export interface Said {
  readonly round: number | null
  readonly progress: Live
}

export interface OwnerStatus {
  readonly owner: number
  readonly name: string
  readonly state: OwnerState
  /** Of the broker's clock: when it got what the owner was asked, or its answer. */
  readonly since: Date | undefined
  /** Whether it has shown that it is there: it waits for a task, or says that it is at one. */
  readonly connected: boolean
  /** It has a task, and is not there to do it. */
  readonly late: boolean
  readonly progress: Live | undefined
}

interface Seen {
  readonly run: string
  readonly now: Date
  readonly said: Said | undefined
  readonly beats: boolean
}

/** What an owner does, by its last task, its last answer and what was heard of it. */
export async function statusOf(
  manager: JetStreamManager,
  { publicKey: serverKey }: ServerFolder,
  { owner, name, publicKey: ownerKey }: Owner,
  { run, now, said, beats }: Seen,
): Promise<{ status: OwnerStatus; round: number | undefined }> {
  const token = ownerToken(owner)
  const [asked, answered, consumer] = await Promise.all([
    last(manager, TASKS, `task.${token}`),
    last(manager, DONE, `done.${token}`),
    manager.consumers.info(TASKS, token).catch(() => undefined),
  ])
  const task = asked && read(() => decodeSigned(asked.data, publicKey(serverKey), TaskSchema, 'the server'))
  const reply = answered && read(() => decodeSigned(answered.data, publicKey(ownerKey), ReplySchema, name))
  const ours = task?.run === run ? task : undefined
  const done = ours !== undefined && (ours.what === 'end' || reply?.task === ours.task)
  const state = stateOf(ours, done)
  const live = ours?.what === 'train' && said?.round === ours.round ? said.progress : undefined
  const open = ours !== undefined && !done
  const connected = beats || said !== undefined || (consumer?.num_waiting ?? 0) > 0
  const since = ours === undefined ? undefined : done && ours.what !== 'end' ? answered?.time : asked?.time
  const old = since !== undefined && now.getTime() - since.getTime() > LISTEN
  return {
    status: {
      owner,
      name,
      state,
      since,
      connected,
      late: open && !connected && old,
      progress: open ? live : undefined,
    },
    round: ours && 'round' in ours && ours.what === 'train' ? ours.round : undefined,
  }
}

const STATES = { invite: 'invited', train: 'training', evaluate: 'evaluating', summarise: 'summarising' } as const

function stateOf(task: Task | undefined, done: boolean): OwnerState {
  if (!task) return 'absent'
  if (done || task.what === 'end') return 'done'
  return isMasking(task.what) ? 'masking' : STATES[task.what]
}

const isMasking = (what: Task['what']): what is Extract<Task['what'], `mask-${string}`> => what.startsWith('mask-')

/** The last message of a subject; undefined if there is none, or no such stream yet. */
export async function last(manager: JetStreamManager, stream: string, subject: string): Promise<StoredMsg | undefined> {
  try {
    // Asked first: of a stream that is not there, nobody gives a message or says so.
    await manager.streams.info(stream)
    return (await manager.direct.getMessage(stream, { last_by_subj: subject })) ?? undefined
  } catch (error) {
    if (/not found/i.test(messageOf(error))) return undefined
    throw new FedunifyError('E_BROKER', `the broker does not answer: ${messageOf(error)}`, 'try again', {
      cause: error,
    })
  }
}

/** A message of another version, or not signed by whom it names, tells nothing. */
export function read<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch {
    return undefined
  }
}
