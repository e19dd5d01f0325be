import { stepsOf } from '../engine/effective-steps.ts'
import { OPTIMIZERS } from '../engine/optimizer-registry.ts'
import { FedunifyError } from '../errors.ts'
import { make } from '../parts.ts'
import { readOwnCheckpoint } from '../runs/checkpoint.ts'
import { keptRounds, type Marks, readOwner, readReceived } from '../runs/read/kept-weights.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { labelsTold } from '../runs/run-description.ts'
import type { KeptRound } from './merged.ts'

/** The rounds of a run whose weights it has kept. */
export interface KeptRun {
  readonly rounds: readonly number[]
  read(round: number): Promise<KeptRound>
}

/** @throws FedunifyError (data) if it has kept none */
export async function openKept({ path, manifest, rounds: done, local }: LoadedRun): Promise<KeptRun> {
  const marks: Marks = manifest.files ?? (await readOwnCheckpoint(path, manifest))?.files ?? {}
  const kept = new Map([...keptRounds(marks)].filter(([round]) => round <= done))
  if (kept.size === 0) {
    const hint = 'do the run with --keep owners: then every round can be merged again by any rule'
    throw new FedunifyError('E_RUN_NOT_FOUND', `${path} has kept no weights of its owners`, hint)
  }
  const trainImages = new Map(manifest.shards.map(({ owner, train }) => [owner, train]))
  const labels = labelsTold(manifest.shards)
  const { batch, optimizer } = manifest.config
  const { momentum } = make(OPTIMIZERS, optimizer)
  const stepsIn = (round: number, owner: number) => {
    const row = local.find((one) => one.round === round && one.owner === owner)
    return row && stepsOf({ epochs: row.epochs, images: row.train_images, batch, momentum })
  }
  return {
    rounds: [...kept.keys()],
    async read(round) {
      const owners = []
      for (const owner of kept.get(round)!) {
        const weights = await readOwner(path, marks, round, owner)
        const told = { trainImages: trainImages.get(owner)!, trainLabels: labels.get(owner) }
        owners.push({ owner, ...told, steps: stepsIn(round, owner), weights })
      }
      return { round, owners, received: await readReceived(path, marks, round) }
    },
  }
}

/** `last`, `all` or a number, as rounds. @throws FedunifyError (data) if that round was not kept */
export function chosenRounds(asked: 'last' | 'all' | number, { rounds }: KeptRun): readonly number[] {
  if (asked === 'all') return rounds
  if (asked === 'last') return rounds.slice(-1)
  if (rounds.includes(asked)) return [asked]
  const hint = `--round takes last, all, or one of ${rounds.join(', ')}`
  throw new FedunifyError('E_RUN_NOT_FOUND', `the weights of round ${asked} were not kept`, hint)
}
