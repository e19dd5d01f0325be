import { cpus, totalmem } from 'node:os'
import { ownRules, ruleFiles } from '../algorithm/merge/own-rule.ts'
import { configHash } from '../config/hash.ts'
import type { Experiment } from '../config/schema.ts'
import { labelHistogram, shardHash } from '../data/partition/partition.ts'
import { parameterCount } from '../model/model.ts'
import { VERSION } from '../package.ts'
import { RUN_FORMAT } from '../runs/manifest.ts'
import { labelsHash, type RunDescription, type ShardDescription } from '../runs/run-description.ts'
import { sharedPath } from '../system/shared-path.ts'
import { describeMasks } from './masks.ts'
import { describeNoise } from './noise.ts'
import type { PreparedRun } from './prepare.ts'

/** What a manifest says of a run, whoever holds its data. */
type Facts = Pick<RunDescription, 'git' | 'dataset' | 'shards' | 'engine' | 'min_owners' | 'arrivals'> &
  Pick<PreparedRun, 'experiment' | 'model' | 'file'>

export function describeFacts(facts: Facts): RunDescription {
  const { experiment, file, model, git, dataset, shards, engine, min_owners, arrivals } = facts
  const noise = describeNoise(facts)
  const masks = describeMasks(experiment, facts.shards)
  return {
    format: RUN_FORMAT,
    fedunify: VERSION,
    started: new Date().toISOString(),
    ...(file !== undefined && { experiment_file: file }),
    config: sharedConfig(experiment),
    config_hash: configHash(experiment),
    ...(ownRules(experiment.merge).length > 0 && { merge_rules: ruleFiles(experiment.merge) }),
    git,
    ...(min_owners !== undefined && { min_owners }),
    ...(arrivals !== undefined && { arrivals }),
    ...(noise && { noise }),
    ...(masks && { masks }),
    dataset,
    shards,
    model: {
      parameters: parameterCount(model),
      layers: model.layers.map(({ name, layer, output }) => ({ name, ...layer, output })),
    },
    engine,
    machine: {
      platform: `${process.platform}-${process.arch}`,
      cpu: cpus()[0]?.model.trim(),
      cores: cpus().length,
      memory_gib: Math.round(totalmem() / 2 ** 30),
      node: process.versions.node,
    },
  }
}

/** An experiment whose folders may be shown to others. */
const sharedConfig = (experiment: Experiment): Experiment => ({
  ...experiment,
  ...(experiment.data !== undefined && { data: sharedPath(experiment.data) }),
  out: sharedPath(experiment.out),
})

/** What a prepared run is, as its manifest says it. */
export const describeRun = (run: PreparedRun): RunDescription =>
  describeFacts({ ...run, dataset: describeDataset(run), shards: describeShards(run), engine: describeEngine(run) })

const describeDataset = ({ dataset }: PreparedRun): RunDescription['dataset'] => ({
  name: dataset.name,
  source: sharedPath(dataset.source),
  images: dataset.count,
  shape: dataset.shape,
  elements: dataset.elements,
  class_names: dataset.classNames,
  sha256: dataset.sha256,
})

const describeEngine = ({ engine }: PreparedRun): RunDescription['engine'] => ({
  name: engine.name,
  device: engine.device,
  version: engine.version,
  ...(engine.note && { note: engine.note }),
})

const describeShards = ({ dataset, shards }: PreparedRun): ShardDescription[] =>
  shards.map((shard) => {
    const train_labels = labelHistogram(dataset, shard.train)
    const test_labels = labelHistogram(dataset, shard.test)
    return {
      owner: shard.owner,
      train: shard.train.length,
      test: shard.test.length,
      train_labels,
      test_labels,
      labels_sha256: labelsHash(train_labels, test_labels),
      sha256: shardHash(shard),
    }
  })
