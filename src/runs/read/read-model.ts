import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { readIfThere } from '../../system/files.ts'
import { decodeSafetensors } from '../../weights/safetensors.ts'
import type { Weights } from '../../weights/weights.ts'
import { MODELS } from '../tables.ts'

/**
 * The unified model of a run's last complete round.
 * @param dir a run folder
 * @param hint what to do if it has none
 * @throws FedunifyError (data) if it has none, or the file is damaged
 */
export async function readModel(dir: string, hint = 'name the folder of a run'): Promise<Weights> {
  const file = join(dir, MODELS[0])
  const bytes = await readIfThere(file)
  if (!bytes) throw new FedunifyError('E_FILE_MISSING', `${file}: no such file`, hint)
  return decodeSafetensors(bytes, file).weights
}
