import { open } from 'node:fs/promises'

/** What Linux tells of the first core, as the text of /proc/cpuinfo; undefined if the system does not tell. */
export async function readProcessor(): Promise<string | undefined> {
  try {
    const file = await open('/proc/cpuinfo')
    try {
      // The others are alike, and to list many takes the system a while.
      const { buffer, bytesRead } = await file.read(Buffer.alloc(16384))
      return buffer.toString('latin1', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch {
    return undefined
  }
}

/** The instruction sets in the text of /proc/cpuinfo, by the names that Linux gives them. */
export const instructionSetsIn = (cpuinfo: string): string[] =>
  /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/) ?? []
