import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { promisify } from 'node:util'
import { labelHistogram, shardHash } from '../data/partition/partition.ts'
import type { PreparedRun } from '../federation/prepare.ts'
import { parameterCount } from '../model/model.ts'

export type Status = 'running' | 'finished' | 'interrupted' | 'failed'

/** What a run has become. */
export interface Outcome {
  readonly status: Status
  readonly rounds: number
  readonly finished?: string
  /** Why it stopped. */
  readonly reason?: string
  /** Seconds in all, and in training, merging, evaluating and writing. */
  readonly seconds?: Record<'total' | 'train' | 'merge' | 'evaluate' | 'write', number>
}

export const VERSION: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version

/** The manifest of a run: enough to make the same numbers again, and to see that they are the same. */
export async function describeRun({ experiment, dataset, shards, model, engine }: PreparedRun) {
  return {
    fedunify: VERSION,
    started: new Date().toISOString(),
    config: experiment,
    git: await gitState(),
    dataset: { name: dataset.name, source: dataset.source, images: dataset.count, sha256: dataset.sha256 },
    shards: shards.map((shard) => ({
      owner: shard.owner,
      train: shard.train.length,
      test: shard.test.length,
      train_labels: labelHistogram(dataset, shard.train),
      test_labels: labelHistogram(dataset, shard.test),
      sha256: shardHash(shard),
    })),
    model: {
      parameters: parameterCount(model),
      layers: model.layers.map(({ name, layer, output }) => ({ name, ...layer, output })),
    },
    engine: { name: engine.name, device: engine.device, version: engine.version },
    machine: {
      platform: `${process.platform}-${process.arch}`,
      cpu: cpus()[0]?.model.trim(),
      cores: cpus().length,
      memory_gib: Math.round(totalmem() / 2 ** 30),
      node: process.versions.node,
    },
  }
}

export type RunDescription = Awaited<ReturnType<typeof describeRun>>

/** Commit of the repository around the current folder and whether files in it were changed; null outside of one. */
async function gitState(): Promise<{ commit: string; dirty: boolean } | null> {
  const git = async (...args: string[]) => (await promisify(execFile)('git', args, { timeout: 5000 })).stdout.trim()
  try {
    return { commit: await git('rev-parse', 'HEAD'), dirty: (await git('status', '--porcelain')) !== '' }
  } catch {
    return null
  }
}
