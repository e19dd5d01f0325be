import { totalmem } from 'node:os'

/** Bytes of memory that there are for this process at most: in a container its limit counts, not the machine's. */
export function memoryLimit(): number {
  const limit = process.constrainedMemory()
  return limit > 0 && limit < totalmem() ? limit : totalmem()
}
