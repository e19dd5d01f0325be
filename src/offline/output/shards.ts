import type { NewEntry } from '../../weights/safetensors/header.ts'

/**
 * The files of a sharded model, named as Hugging Face's libraries name them. A tensor is in one file: one that is larger
 * than the limit has a file of its own.
 * @param most bytes of values in a file
 */
export function shardsOf(entries: readonly NewEntry[], most: number): { name: string; entries: readonly NewEntry[] }[] {
  const shards: NewEntry[][] = [[]]
  let size = 0
  for (const entry of entries) {
    if (size > 0 && size + entry.bytes > most) {
      shards.push([])
      size = 0
    }
    shards.at(-1)!.push(entry)
    size += entry.bytes
  }
  const number = (n: number) => String(n).padStart(5, '0')
  return shards.map((some, i) => ({
    name: `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`,
    entries: some,
  }))
}

/** Whether a file is called as one of a sharded model. */
export const isShardName = (name: string): boolean => /^model-\d{5}-of-\d{5}\.safetensors$/.test(name)
