import { basename } from 'node:path'
import { FedunifyError, messageOf } from '../../errors.ts'
import { sha256 } from '../../system/digest.ts'
import { readIfThere } from '../../system/files.ts'
import { textOf } from '../../system/text.ts'
import { parseStrictJson } from '../../weights/safetensors/strict-json.ts'

/** The name that an index has beside the files of its model, as Hugging Face's libraries write it. */
export const INDEX_NAME = 'model.safetensors.index.json'

/** Which of several files each tensor of a model is in. */
export interface IndexFile {
  readonly path: string
  readonly sha256: string
  /** Name of a tensor → name of a file in the same folder. */
  readonly files: ReadonlyMap<string, string>
}

const MOST_BYTES = 100_000_000

/** The index is an object with one of texts, and one of anything in `metadata`. */
const DEEPEST = 20

/** @throws FedunifyError (data) if there is none, or it names what is no file in its own folder */
export async function readIndex(path: string): Promise<IndexFile> {
  const bytes = await readIfThere(path, { most: MOST_BYTES })
  if (!bytes) throw new FedunifyError('E_FILE_MISSING', `${path}: no such file`)
  try {
    const { weight_map: map } = parseStrictJson(textOf(bytes), DEEPEST) as Readonly<Record<string, unknown>>
    if (typeof map !== 'object' || map === null || Array.isArray(map)) throw new Error('it has no weight_map')
    const files = Object.entries(map).map(([tensor, file]) => [tensor, fileName(tensor, file)] as const)
    return { path, sha256: sha256(bytes), files: new Map(files) }
  } catch (error) {
    const message = `${path}: not the index of a model: ${messageOf(error)}`
    throw new FedunifyError('E_MODEL_FILE', message, undefined, { cause: error })
  }
}

/** An index of others is no reason to read whatever file it names. */
function fileName(tensor: string, file: unknown): string {
  if (typeof file === 'string' && file === basename(file) && !file.includes('\\') && file.endsWith('.safetensors')) {
    return file
  }
  throw new Error(`${tensor} is in ${JSON.stringify(file)}, which is no .safetensors file beside it`)
}
