import { join } from 'node:path'
import { FedunifyError } from '../errors.ts'
import type { Checkpoint } from '../federation/start.ts'
import { readIfThere } from '../files.ts'
import { decodeSafetensors, encodeSafetensors } from '../model/safetensors.ts'
import type { Tensor, Weights } from '../model/weights.ts'
import type { Mark } from './files.ts'
import type { Seconds } from './manifest.ts'

const FILE = 'checkpoint.safetensors'

/** All that a later process needs to go on after a round. Optimisers start every round anew, so they have no part. */
export interface SavedState extends Checkpoint {
  /** How far each growing file had come. */
  readonly files: Readonly<Record<string, Mark>>
  /** Seconds spent so far. */
  readonly seconds: Seconds
}

/** One file for all of it, so that no kill can come between its parts: weights as tensors, the rest as metadata. */
export function encodeCheckpoint({ round, unified, pooled, files, seconds }: SavedState): Uint8Array {
  const tensors = new Map<string, Tensor>()
  for (const [name, tensor] of unified) tensors.set(`unified/${name}`, tensor)
  for (const [name, tensor] of pooled ?? []) tensors.set(`pooled/${name}`, tensor)
  const metadata = { round: String(round), files: JSON.stringify(files), seconds: JSON.stringify(seconds) }
  return encodeSafetensors(tensors, metadata)
}

export const checkpointFile = (dir: string): string => join(dir, FILE)

/**
 * The last complete round of a run folder; undefined where none was completed.
 * @throws FedunifyError (data) where the checkpoint is torn or foreign
 */
export async function readCheckpoint(dir: string): Promise<SavedState | undefined> {
  const file = checkpointFile(dir)
  const bytes = await readIfThere(file)
  if (!bytes) return undefined
  const { weights, metadata } = decodeSafetensors(bytes, file)
  const pooled = startingWith('pooled/', weights)
  return {
    ...told(metadata, file),
    unified: startingWith('unified/', weights),
    pooled: pooled.size > 0 ? pooled : undefined,
  }
}

function told({ round, files, seconds }: Readonly<Record<string, string>>, file: string) {
  try {
    const state = { round: Number(round), files: JSON.parse(files!), seconds: JSON.parse(seconds!) }
    if (Number.isInteger(state.round) && state.round > 0) return state
  } catch {}
  throw new FedunifyError('data', `${file}: not a checkpoint of fedunify`, 'start the run anew in another folder')
}

function startingWith(prefix: string, weights: Weights): Weights {
  const entries = [...weights].filter(([name]) => name.startsWith(prefix))
  return new Map(entries.map(([name, tensor]) => [name.slice(prefix.length), tensor]))
}
