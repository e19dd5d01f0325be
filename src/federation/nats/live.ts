import type { z } from 'zod'
import { Gate } from './gate.ts'
import { LiveSchema, ownerIn } from './wire.ts'

/** A sign of life is small: more is none. */
const MOST = 10_000

/** Reads signs of life, which nobody signs: whose one is, its subject says, for the broker lets no other owner there. */
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
