import type { z } from 'zod'
import { Gate } from './gate.ts'
import { LiveSchema, ownerIn } from './wire.ts'

/** Bytes of a sign of life, which is small: anything larger is ignored. */
const MOST = 10_000

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
