import type { NatsConnection } from '@nats-io/transport-node'
import type { z } from 'zod'
import { Gate } from './gate.ts'
import { LiveSchema, ownerIn, ownerToken } from './wire.ts'

/** Bytes of a sign of life, which is small: anything larger is ignored. */
const MOST = 10_000

/** Tells of the signs of life of owners in a run, until it is closed; of one owner if it alone is listened to. */
export function listen(
  connection: NatsConnection,
  read: ReturnType<typeof liveReader>,
  only: number | undefined,
  tell: (told: z.output<typeof LiveSchema>) => void,
): { close(): void } {
  const subscription = connection.subscribe(only === undefined ? 'live.*' : `live.${ownerToken(only)}`, {
    callback: (error, { subject, data }) => {
      const told = error ? undefined : read(subject, data)
      if (told) tell(told)
    },
  })
  return { close: () => subscription.unsubscribe() }
}

/** Reads signs of life, which are unsigned. The subject says which owner sent one: the broker lets no other use it. */
export function liveReader(): (subject: string, data: Uint8Array) => z.output<typeof LiveSchema> | undefined {
  const gate = new Gate(() => {})
  return (subject, data) => {
    const owner = ownerIn(subject)
    if (owner === undefined || data.length > MOST || !gate.lets(owner)) return undefined
    try {
      const told = LiveSchema.parse(JSON.parse(Buffer.from(data).toString('utf8')))
      return told.owner === owner ? told : undefined
    } catch {
      return undefined
    }
  }
}
