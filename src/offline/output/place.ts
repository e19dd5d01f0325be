import { readdir, realpath } from 'node:fs/promises'
import { FedunifyError } from '../../errors.ts'
import { kindOf } from '../../system/files.ts'
import { INDEX_NAME } from '../model/index-file.ts'
import type { Model } from '../model/model.ts'
import { cardName } from './card.ts'
import { isShardName } from './shards.ts'

/** Where a merged model is to be. */
interface Place {
  readonly out: string
  readonly sharded: boolean
  readonly force: boolean
}

/**
 * Looks whether a model can be written there.
 * @throws FedunifyError (usage) if it would take the place of what is read, or of anything else that is there
 */
export async function assertPlace({ out, sharded, force }: Place, models: readonly Model[]): Promise<void> {
  const refuse = (code: 'E_OPTION' | 'E_CONFLICT' | 'E_FILE_EXISTS', message: string, hint: string) =>
    new FedunifyError(code, `--out ${message}`, hint)
  if (!sharded && !out.endsWith('.safetensors')) {
    throw refuse(
      'E_OPTION',
      `${out}: a model in one file ends with .safetensors`,
      'or make a folder of files: --shard-size 2GB',
    )
  }
  if (sharded && out.endsWith('.safetensors')) {
    throw refuse('E_OPTION', `${out}: a model in several files is a folder`, 'leave out .safetensors, or --shard-size')
  }
  const read = models.flatMap(({ files, index }) => [...files.map(({ path }) => path), ...(index ? [index.path] : [])])
  for (const path of [out, cardName(out)]) {
    const place = await real(path)
    for (const file of read) {
      if (place !== undefined && (await real(file)) === place) {
        throw refuse('E_CONFLICT', `${path} is one of the models that are read`, 'name another file')
      }
    }
  }
  const kind = await kindOf(out)
  if (kind === 'none') return
  if (kind === 'folder' && (!sharded || !(await isOurs(out)))) {
    throw refuse('E_FILE_EXISTS', `${out}: a folder is there already`, 'name another place')
  }
  if (!force) throw refuse('E_FILE_EXISTS', `${out} is there already`, 'replace it with --force, or name another place')
}

const real = (path: string) => realpath(path).catch(() => undefined)

/** Whether a folder has nothing but the files of a model, so that nobody loses anything else with it. */
async function isOurs(folder: string): Promise<boolean> {
  return (await readdir(folder)).every((name) => name === INDEX_NAME || isShardName(name))
}
