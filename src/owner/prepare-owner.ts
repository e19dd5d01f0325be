import { resolveExperiment } from '../config/resolve.ts'
import type { Experiment } from '../config/schema.ts'
import { objectSource } from '../config/source.ts'
import type { Dataset, Shard } from '../data/dataset.ts'
import { loadOwnData } from '../data/load-dataset.ts'
import { selectEngine } from '../engine/select.ts'
import { FedunifyError } from '../errors.ts'
import { modelOf } from '../model/presets.ts'
import { range } from '../random.ts'
import { assertRecordNoise } from '../run/assert-record-noise.ts'
import { assertHead } from '../run/assert-rules.ts'
import { assertMemory } from '../run/memory-need.ts'
import { type PreparedRun, prepareRun, testedShard } from '../run/prepare.ts'
import { takenFrom } from './sent-experiment.ts'

/** What an owner brings along. */
export interface OwnData {
  /** Folder of its IDX files; for trials that of the whole dataset, which may also be found or fetched. */
  readonly data: string | undefined
  /** Take this owner's shard of the experiment's partition, instead of images of its own. */
  readonly shard: boolean
  readonly device: Experiment['device']
  /** Take images that are not those of the run before. */
  readonly accept: boolean
}

/** An owner's part of a run, ready to train. */
export interface PreparedOwner extends Pick<PreparedRun, 'experiment' | 'model' | 'dataset' | 'engine' | 'git'> {
  readonly shard: Shard
}

/**
 * An experiment as a server sends it, on this machine: with this owner's data and device.
 * @throws FedunifyError (usage) or (data) if it is none of this version, or the data does not fit
 */
export async function prepareOwner(
  sent: Readonly<Record<string, unknown>>,
  owner: number,
  { data, shard, device }: OwnData,
  signal: AbortSignal,
): Promise<PreparedOwner> {
  const given = {
    ...takenFrom(sent),
    workers: 1,
    device,
    engine: 'auto',
    layout: 'auto',
    ...(data !== undefined && { data }),
  }
  const experiment = resolveExperiment([objectSource(given)])
  if (shard) {
    const run = await prepareRun(experiment, { signal })
    const found = run.shards.find((one) => one.owner === owner)
    if (found) return { ...run, shard: found }
    throw new FedunifyError('E_PARTITION', `the partition has no shard for owner ${owner}`, 'leave out --shard')
  }
  if (data === undefined) {
    const hint = "name the folder of this owner's images with --data, or take part in a trial with --shard"
    throw new FedunifyError('E_CONFLICT', 'no data is named', hint)
  }
  const [dataset, engine] = await Promise.all([loadOwnData(experiment.dataset, data), selectEngine(experiment)])
  const model = modelOf(experiment.model, dataset.shape, dataset.classes)
  assertHead(model, experiment)
  assertMemory(model, experiment, engine.device, dataset.trainCount)
  const own = testedShard(ownShard(dataset, owner), experiment)
  assertRecordNoise(experiment, [own])
  return { experiment, dataset, engine, model, git: null, shard: own }
}

/** All images of the train file to train on, and those of the test file to test. */
const ownShard = ({ count, trainCount }: Dataset, owner: number): Shard => ({
  owner,
  train: range(count).slice(0, trainCount),
  test: range(count).slice(trainCount),
})
