import { join } from 'node:path'
import type { Disclosed } from '../../federation/disclosure.ts'
import { DISCLOSURE } from '../tables.ts'
import { markOf } from '../write/growing-file.ts'
import { linesOf } from './read-events.ts'

/** What left one owner in a run, by kind of message. */
export type OwnerDisclosure = ReadonlyMap<string, { readonly messages: number; readonly bytes: number }>

/**
 * What left the owner that told most, from disclosure.jsonl.
 * @param size bytes of the file that count, from its start; default: all
 * @returns undefined if the run has no such file, as those of before 0.5.0, or it is not what it was
 */
export async function readDisclosure(dir: string, size?: number): Promise<OwnerDisclosure | undefined> {
  const file = join(dir, DISCLOSURE)
  if (!(await markOf(file, 0))) return undefined
  const owners = new Map<number, Map<string, { messages: number; bytes: number }>>()
  for await (const { line, whole } of linesOf(file, size)) {
    const told = whole ? lineOf(line) : undefined
    if (!told) continue
    const kinds = owners.get(told.owner) ?? new Map<string, { messages: number; bytes: number }>()
    const before = kinds.get(told.kind) ?? { messages: 0, bytes: 0 }
    kinds.set(told.kind, { messages: before.messages + told.messages, bytes: before.bytes + told.bytes })
    owners.set(told.owner, kinds)
  }
  const all = (kinds: OwnerDisclosure) => [...kinds.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  return [...owners.values()].sort((a, b) => all(b) - all(a))[0]
}

/** Its file is in the hashes of the run, which whoever loads it compares. */
function lineOf(line: string): Disclosed | undefined {
  try {
    return JSON.parse(line) as Disclosed
  } catch {
    return undefined
  }
}
