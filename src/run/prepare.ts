import { relative } from 'node:path'
import { type NoisyRun, noiseWarnings } from '../config/noise-words.ts'
import { STDIN } from '../config/read.ts'
import { type Experiment, localEpochs } from '../config/schema.ts'
import type { Dataset, Shard } from '../data/dataset.ts'
import type { LocateOptions } from '../data/fashion-mnist/locate.ts'
import { datasetOf, loadDataset } from '../data/load-dataset.ts'
import { holdOut } from '../data/partition/hold-out.ts'
import { partitionDataset } from '../data/partition/partition.ts'
import type { Engine } from '../engine/engine.ts'
import { selectEngine } from '../engine/select.ts'
import { FedunifyError } from '../errors.ts'
import { drawnOwners } from '../federation/drawn-owners.ts'
import { lastRound } from '../federation/schedule.ts'
import { type Model, parameterCount } from '../model/model.ts'
import { modelOf } from '../model/presets.ts'
import { nameOf } from '../parts.ts'
import { askGit, type GitAnswer, noCommitOf, trustCommand } from '../system/git.ts'
import { isWithin } from '../system/shared-path.ts'
import { assertRecordNoise, notesOfRecords } from './assert-record-noise.ts'
import { assertHead, assertRules, assertRulesFit } from './assert-rules.ts'
import { assertMemory } from './memory-need.ts'

/** Everything that a run is made of before its first round. */
export interface PreparedRun extends GitAnswer {
  readonly experiment: Experiment
  /** The experiment file, from the current folder, if it lies there. */
  readonly file?: string | undefined
  readonly dataset: Dataset
  readonly shards: readonly Shard[]
  readonly model: Model
  readonly engine: Engine
}

/** What whoever asked for a run should know of it before it begins, each on one line. */
export function notesOf(run: PreparedRun): string[] {
  const { engine, foreign, experiment, shards, model } = run
  const git = foreign === undefined ? undefined : `${noCommitOf(foreign)}; to trust it: ${trustCommand(foreign)}`
  const records = notesOfRecords(experiment, shards, parameterCount(model))
  const notes = [engine.note, git, ...noiseWarnings(noisy(run)), ...records]
  return notes.filter((note) => note !== undefined)
}

/** What its noise is judged by: all owners are in this process, and tell all. */
export const noisy = ({ experiment, model }: PreparedRun): NoisyRun => ({
  experiment,
  parameters: parameterCount(model),
  tells: { metrics: true, labels: true },
})

/**
 * Images to train in the rounds that are not done yet, epochs and the pooled baseline counted; at most so many if a
 * run may stop early.
 */
export function imagesToTrain({ experiment, shards }: PreparedRun, done: number): number {
  const sizes = new Map(shards.map(({ owner, train }) => [owner, train.length]))
  const owners = [...sizes.keys()]
  const sum = (training: readonly number[]) => training.reduce((images, owner) => images + sizes.get(owner)!, 0)
  const rounds = Array.from({ length: Math.max(0, lastRound(experiment) - done) }, (_, i) => done + 1 + i)
  const inRounds = experiment.participants
    ? sum(rounds.flatMap((round) => drawnOwners(experiment, owners, round)))
    : rounds.length * sum(owners)
  return inRounds * (experiment.baseline === 'pooled' ? 2 : 1) * localEpochs(experiment)
}

/** How data is looked for and fetched. */
export type DataOptions = Pick<LocateOptions, 'offline' | 'mirror' | 'signal' | 'progress'>

/** What a run of this would fetch before it begins, in words; undefined if nothing. */
export const fetchedFirst = async ({ dataset, data }: Experiment, options: DataOptions): Promise<string | undefined> =>
  await datasetOf(dataset).wouldFetch?.({ ...(data !== undefined && { dir: data }), ...options })

/**
 * Loads and splits the data, builds the model, loads the engine.
 * @throws FedunifyError (data) or (usage) as these do, (usage) if the model is too large for this machine, or a
 *   merge rule is another one in disguise on so many owners
 */
export async function prepareRun(
  experiment: Experiment,
  options: DataOptions & { readonly file?: string | undefined } = {},
): Promise<PreparedRun> {
  const { dataset: name, data: dir } = experiment
  assertRules(experiment)
  assertServer(experiment)
  // First, while this process is small: the larger it is, the longer it takes to start another.
  const asking = askGit()
  const loading = selectEngine(experiment)
  // A GPU that is asked for may not be there: that is found out before a dataset is fetched.
  if (experiment.device !== 'auto' && experiment.device !== 'cpu') await loading
  const [dataset, engine, answer] = await Promise.all([
    loadDataset({ dataset: name, ...(dir !== undefined && { dir }), ...options }),
    loading,
    asking,
  ])
  const model = modelOf(experiment.model, dataset.shape, dataset.classes)
  assertHead(model, experiment)
  assertRulesFit(experiment, model)
  const split = await partitionDataset(dataset, experiment, options.signal)
  const shards = split.map((shard) => testedShard(shard, experiment))
  assertRecordNoise(experiment, shards)
  const most = shards.reduce((largest, { train }) => Math.max(largest, train.length), 0)
  assertMemory(model, experiment, engine.device, most)
  return { experiment, file: fileHere(options.file), dataset, shards, model, engine, ...answer }
}

/** What an owner trains and tests on: with a validation share its test images have no part in the run. */
export const testedShard = (shard: Shard, { validation, seed }: Pick<Experiment, 'validation' | 'seed'>): Shard =>
  validation === undefined ? shard : holdOut(shard, validation, seed)

/** A path that says nothing of the machine, and means the same wherever the project lies. */
function fileHere(file: string | undefined): string | undefined {
  if (file === undefined || file === STDIN) return undefined
  const path = relative('.', file)
  return isWithin(path) ? path.replaceAll('\\', '/') : undefined
}

/** A server step goes on from the model that all owners had. */
function assertServer({ server, init }: Experiment): void {
  if (nameOf(server) === 'none' || init === 'shared') return
  throw new FedunifyError(
    'E_CONFLICT',
    `server ${nameOf(server)} steps from the model that all owners received, but with init ${init} each has its own`,
    'use init shared, or server none',
  )
}
