import { type DisclosureCount, sizeOf } from './disclosure.ts'
import type { MaskTraffic } from './masked-rounds.ts'
import type { TrafficCount } from './traffic.ts'

/** By what a cohort counts, and where its owners stand there. */
export interface Counts {
  readonly traffic: TrafficCount
  readonly disclosed: DisclosureCount
  place(owner: number): number
}

/** Counts what masks need around a sum. */
export const maskTraffic = ({ traffic, disclosed, place }: Counts): MaskTraffic => ({
  sent(owner, kind, message) {
    traffic.up(place(owner), sizeOf(message))
    disclosed.message(owner, kind, message)
  },
  received: (owner, bytes) => traffic.down(place(owner), bytes),
})
