import { statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Experiment } from '../config/schema.ts'
import { FedunifyError } from '../errors.ts'
import { trainingOwners } from '../federation/drawn-owners.ts'
import { isKept, lastRound } from '../federation/schedule.ts'
import { dataSize } from '../format.ts'
import { type Model, parameterCount } from '../model/model.ts'

/** Bytes of a float32. */
const FLOAT = 4

/** Rounds whose weights are kept, of those that are not done yet. */
export function roundsToKeep(experiment: Experiment, done: number): number {
  const rounds = Array.from({ length: Math.max(0, lastRound(experiment) - done) }, (_, i) => done + 1 + i)
  return rounds.filter((round) => isKept(experiment, round)).length
}

/**
 * Bytes that the weights take which a run is to keep: of each owner that trains and of the model that they received, in each of
 * those rounds. Each file has a header too, of a few hundred bytes.
 */
export const keptBytes = (experiment: Experiment, model: Model, done: number): number =>
  roundsToKeep(experiment, done) * (trainingOwners(experiment) + 1) * FLOAT * parameterCount(model)

/**
 * Looks before a run whether what it is to keep fits on the disk: it would end in the middle otherwise.
 * @param path of the run folder, which need not be there
 * @throws FedunifyError (data) if it does not
 */
export async function assertRoom(path: string, bytes: number, free = freeBytes): Promise<void> {
  if (bytes === 0) return
  const room = await free(path)
  if (room === undefined || bytes <= room) return
  throw new FedunifyError(
    'E_DISK_FULL',
    `keep: the owners' weights would take ${dataSize(bytes)}, but ${path} has room for ${dataSize(room)}`,
    'keep those of fewer rounds (--keep-every 10), free some space, or choose another folder with --out',
  )
}

/** Bytes that may be written in a folder, or in the nearest one above it that is there; undefined if nobody says. */
async function freeBytes(path: string): Promise<number | undefined> {
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      const { bavail, bsize } = await statfs(at)
      return bavail * bsize
    } catch {
      if (dirname(at) === at) return undefined
    }
  }
}
