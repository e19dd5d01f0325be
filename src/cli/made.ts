import { join } from 'node:path'
import { putFile, writeError } from '../runs/write/growing-file.ts'
import { kindOf, writeNamed } from '../system/files.ts'
import { oneLine } from '../visible.ts'
import { type Io, isStdout, putNamed } from './io.ts'

/** What is made of runs, and where it goes. */
export interface Made {
  /** The option that may name a file, and what it named. */
  readonly option: string
  readonly named: string | undefined
  /** The file by itself: in the folder that was named first, or for a glob in that of the first run. */
  readonly file: string
  readonly content: string | Uint8Array
}

/** Where what is made of runs goes by itself: into the folder that was named, or for a glob into the first run. */
export const inFirstFolder = async (
  named: string,
  [first]: readonly { readonly path: string }[],
  file: string,
): Promise<string> => join((await kindOf(named)) === 'folder' ? named : first!.path, file)

/**
 * Writes it, and prints where, unless it went to stdout. Bytes are nothing for stdout: who calls refuses that.
 * @throws FedunifyError (usage) or (data) if it cannot be written
 */
export async function putMade({ option, named, file, content }: Made, io: Io): Promise<void> {
  if (named === undefined) await putFile(file, content)
  else if (typeof content === 'string') await putNamed(option, named, content, io)
  else
    await writeNamed(named, content).catch((error: unknown) => {
      throw writeError(named, error)
    })
  await printPath(named ?? file, io)
}

/** The path of what was made, unless that is stdout. */
export async function printPath(path: string, io: Io): Promise<void> {
  if (!(await isStdout(path))) io.out(`${oneLine(path)}\n`)
}
