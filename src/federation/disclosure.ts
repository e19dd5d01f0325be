import type { NamedWeights } from '../weights/named.ts'

const KINDS = ['weights', 'masked', 'key', 'share', 'update', 'evaluation', 'statistics', 'progress'] as const

/** What left an owner in a round, messages of a kind together. */
export interface Disclosed {
  readonly owner: number
  /** `weights` is the file of an update, `masked` its words under masks, `key` and `share` what they need around it, `statistics` that of a head's sums, or of what merge rules ask for; the others are the messages of nats/wire.ts. */
  readonly kind: (typeof KINDS)[number]
  readonly messages: number
  /** What was told, by the names of docs/disclosure.md. */
  readonly fields: readonly string[]
  /** Of the files, or of the fields as JSON. */
  readonly bytes: number
}

/**
 * The names of what a message tells, those of inner fields behind those of outer ones (`metrics.local.images`). What an
 * owner keeps to itself is null, or a list of zeros alone: it has no name here.
 */
export function fieldsOf(message: object, within = ''): string[] {
  return Object.entries(message).flatMap(([key, value]): string[] => {
    const name = `${within}${key}`
    if (value === null || value === undefined) return []
    if (Array.isArray(value)) return value.some((one) => one !== 0) ? [name] : []
    return typeof value === 'object' && !NAMED.includes(name) ? fieldsOf(value, `${name}.`) : [name]
  })
}

/** Mappings whose keys are names of files. */
const NAMED = ['dataset.sha256']

/** Bytes of a message's fields, as JSON. */
export const sizeOf = (message: object): number => Buffer.byteLength(JSON.stringify(message))

/** The fields of an update's file of weights. */
export const weightFields = (sends: boolean): string[] => (sends ? ['weights', 'sent'] : ['weights'])

/** The fields of an update under masks. */
export const MASKED: readonly string[] = ['words']

/** The fields of the sums that a head is fitted to. */
export const STATISTICS: readonly string[] = ['images', 'gram', 'cross']

/** The fields of what merge rules asked for. */
export const statisticFields = (handedIn: NamedWeights): string[] => [
  ...new Set(Object.keys(handedIn).map((name) => name.slice(0, name.lastIndexOf('-')))),
]

interface Count {
  readonly owner: number
  readonly kind: Disclosed['kind']
  messages: number
  bytes: number
  readonly fields: Set<string>
}

/** Counts what leaves owners. */
export class DisclosureCount {
  /** Where each owner is told, among all. */
  readonly #place: ReadonlyMap<number, number>
  #counts = new Map<string, Count>()

  /** @param owners in the order in which they are told */
  constructor(owners: readonly { readonly owner: number }[]) {
    this.#place = new Map(owners.map(({ owner }, place) => [owner, place]))
  }

  /** A message of an owner, without its envelope. */
  message(owner: number, kind: Disclosed['kind'], content: object): void {
    this.note(owner, kind, fieldsOf(content), sizeOf(content))
  }

  note(owner: number, kind: Disclosed['kind'], fields: readonly string[], bytes: number): void {
    const key = `${owner} ${kind}`
    const count = this.#counts.get(key) ?? { owner, kind, messages: 0, bytes: 0, fields: new Set() }
    count.messages += 1
    count.bytes += bytes
    for (const field of fields) count.fields.add(field)
    this.#counts.set(key, count)
  }

  /** What was counted since the last time, by owner, then in the order of KINDS. */
  take(): Disclosed[] {
    const counts = [...this.#counts.values()]
    this.#counts = new Map()
    const place = ({ owner, kind }: Count) => this.#place.get(owner)! * KINDS.length + KINDS.indexOf(kind)
    return counts
      .sort((a, b) => place(a) - place(b))
      .map(({ owner, kind, messages, fields, bytes }) => ({ owner, kind, messages, fields: [...fields], bytes }))
  }
}
