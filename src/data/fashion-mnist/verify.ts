import { FedunifyError, messageOf } from '../../errors.ts'
import { shellWord } from '../../system/shell-word.ts'
import { type Content, listFolder, mismatch, readContent, readContents } from '../idx-folder.ts'
import { FASHION_MNIST, IDX_NAMES, type IdxName, type KnownFiles } from './known-files.ts'

/** One of the four files of Fashion-MNIST, as found in a folder. */
export interface FileCheck {
  readonly name: IdxName
  /** Undefined if the file is missing. */
  readonly path: string | undefined
  /** Size of the file on disk, in bytes. */
  readonly stored: number | undefined
  /** SHA-256 (hex) of its content, uncompressed. */
  readonly sha256: string | undefined
  readonly expected: string
  readonly ok: boolean
  /** What is wrong with it, on one line; undefined if it is right. */
  readonly problem: string | undefined
}

/** The command that puts all four files into a folder anew. */
export const replaceCommand = (dir: string): string => `fedunify data fetch --force ${shellWord(dir)}`

/** What to do about a wrong file in a folder of fetched ones. */
export const replaceHint = (dir: string): string => `delete the file, or replace all four with: ${replaceCommand(dir)}`

/** Checks the four files in `dir`, gzipped or not, against the known content of Fashion-MNIST. Never throws. */
export async function verifyFashionMnist(dir: string, known: KnownFiles = FASHION_MNIST): Promise<FileCheck[]> {
  const { found } = await listFolder(dir)
  return Promise.all(IDX_NAMES.map((name) => check(name, found[name], known)))
}

async function check(name: IdxName, path: string | undefined, known: KnownFiles): Promise<FileCheck> {
  const expected = known[name].sha256
  const result = { name, path, stored: undefined, sha256: undefined, expected, ok: false }
  if (!path) return { ...result, problem: 'missing' }
  try {
    const { bytes, stored, sha256 } = await readContent(path, name, known[name])
    const problem = mismatch(known[name], bytes, sha256)
    return { ...result, stored, sha256, ok: !problem, problem }
  } catch (error) {
    return { ...result, problem: messageOf(error) }
  }
}

/**
 * Reads files and checks that they are those of Fashion-MNIST.
 * @param hint what to do about a wrong one
 * @throws FedunifyError `data` naming the file, the expected and the actual hash
 */
export async function assertFashionMnist(
  files: Partial<Record<IdxName, string>>,
  hint: string,
  known: KnownFiles = FASHION_MNIST,
): Promise<Partial<Record<IdxName, Content>>> {
  const contents = await readContents(files, known).catch((error: unknown) => {
    const code = error instanceof FedunifyError ? error.code : 'E_DATASET'
    throw new FedunifyError(code, messageOf(error), hint, { cause: error })
  })
  for (const name of IDX_NAMES) {
    const content = contents[name]
    const fault = content && mismatch(known[name], content.bytes, content.sha256)
    if (fault) throw new FedunifyError('E_DATASET', `${content.path}: ${fault}`, hint)
  }
  return contents
}
