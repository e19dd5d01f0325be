import type { NatsConnection } from '@nats-io/transport-node'
import { messageOf } from '../errors.ts'
import type { Task, TaskOf } from '../federation/nats/wire.ts'

interface BesideSettings {
  /** This owner, as in subjects. */
  readonly token: string
  note(line: string): void
  /** A task of the server; undefined if it is not its word to this owner. */
  read(data: Uint8Array): Task | undefined
  /** The signed answer; undefined if this is no question for now. The server asks again. */
  answer(task: TaskOf<'evaluate'>): Promise<Uint8Array | undefined>
}

/** Answers what the server asks beside a training, over subjects that keep nothing: it asks until it is answered. */
export function answerBeside(
  connection: NatsConnection,
  { token, note, read, answer }: BesideSettings,
): { close(): void } {
  let last: { readonly task: string; readonly bytes: Promise<Uint8Array | undefined> } | undefined
  const take = async (data: Uint8Array) => {
    const task = read(data)
    if (task?.what !== 'evaluate') return
    // One that is asked again was answered, or is being answered.
    const known = last?.task === task.task ? last : { task: task.task, bytes: answer(task) }
    last = known
    const bytes = await known.bytes
    if (bytes && !connection.isClosed()) connection.publish(`live.${token}`, bytes)
    else if (last === known) last = undefined
  }
  const subscription = connection.subscribe(`live.server.${token}`, {
    callback: (error, { data }) => {
      if (!error) take(data).catch((failed: unknown) => note(`${messageOf(failed)}: asked again`))
    },
  })
  return { close: () => subscription.unsubscribe() }
}
