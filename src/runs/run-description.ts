import { createHash } from 'node:crypto'
import type { RuleFiles } from '../algorithm/merge/own-rule.ts'
import type { Experiment } from '../config/schema.ts'
import { nameOf } from '../parts.ts'
import type { Account } from '../privacy/account.ts'
import type { AdaptiveClip } from '../privacy/noise/owner-noise.ts'
import type { GitState } from '../system/git.ts'
import type { Mark } from './write/growing-file.ts'

/** What a run is, before its first round: enough to make the same numbers again, and to see that they are the same. */
export interface RunDescription {
  readonly format: number
  readonly fedunify: string
  readonly started: string
  /** The experiment file, from the folder that the run was started in; left out if it lies elsewhere. */
  readonly experiment_file?: string
  readonly config: Experiment
  readonly config_hash: string
  /** Merge rules of the user's own, if there are any, by name. */
  readonly merge_rules?: RuleFiles
  readonly git: GitState | null
  /** How many owners a round had to have, if some were allowed to be absent. */
  readonly min_owners?: number
  /** Of a run without waiting, in which order models arrived: `real`, or that of another run; left out if by `speeds`. */
  readonly arrivals?: string
  /** Of a run that clips and adds noise. */
  readonly noise?: NoiseDescription
  /** Of a run whose updates are summed under masks. */
  readonly masks?: MasksDescription
  readonly dataset: {
    readonly name: string
    readonly source: string
    readonly images: number
    readonly shape: readonly number[]
    readonly elements: string
    readonly class_names: readonly string[]
    readonly sha256: Readonly<Record<string, string>>
  }
  readonly shards: readonly ShardDescription[]
  readonly model: { readonly parameters: number; readonly layers: readonly LayerDescription[] }
  readonly engine: {
    readonly name: string
    readonly device: string
    readonly version: string
    readonly note?: string
  }
  readonly machine: {
    readonly platform: string
    readonly cpu: string | undefined
    readonly cores: number
    readonly memory_gib: number
    readonly node: string
  }
}

/** What noise a run adds, what is promised of it, and where it comes from. */
export interface NoiseDescription extends Pick<Account, 'level' | 'noise' | 'delta'> {
  readonly noise_by?: 'server' | 'owners'
  /** The norm, or how it follows the updates. */
  readonly clip: number | AdaptiveClip
  /** The limit of the run; null if there is none. */
  readonly epsilon: number | null
  readonly randomness: 'system' | 'insecure-test-seed'
  /** What that means for whoever would do the run again, or relies on it. */
  readonly note: string
  /** Rounds that were begun and not finished: their noise counts as spent. */
  readonly lost_rounds: number
}

/** In which whole numbers updates are summed under masks. */
export interface MasksDescription {
  /** Owners in a sum. */
  readonly owners: number
  /** Of a value of an update. */
  readonly bits: number
  /** Levels in a unit of a weight. */
  readonly scale: number
  /** Largest change of a weight in a round. */
  readonly range: number
  /** Owners that must stay to the end of a round, if some may be lost. */
  readonly threshold?: number
  /** If a head is fitted: how its sums are whole numbers. */
  readonly head?: {
    readonly bits: number
    /** Levels in a unit. */
    readonly scale: number
    /** Largest mean square of a feature. */
    readonly range: number
  }
}

/** A layer with its options. */
export interface LayerDescription {
  readonly name: string
  readonly type: string
  readonly output: readonly number[]
}

export interface ShardDescription {
  readonly owner: number
  /** Images. */
  readonly train: number
  /** Null if the owner shares no metrics: then no model was evaluated there. */
  readonly test: number | null
  /** Images of each class; none if the owner does not share them. */
  readonly train_labels: readonly number[]
  readonly test_labels: readonly number[]
  readonly labels_sha256: string
  readonly sha256: string
}

export type Status = 'running' | 'finished' | 'interrupted' | 'failed'

/** What a run has become. */
export interface Outcome {
  readonly status: Status
  readonly rounds: number
  readonly finished?: string
  /** Why it stopped. */
  readonly reason?: string
  readonly seconds?: Seconds
  /** Of a finished run: each of its files but the manifest, to the last byte. */
  readonly files?: Readonly<Record<string, Mark>>
}

/** Seconds in all, and in training, merging, evaluating and writing. */
export type Seconds = Readonly<Record<'total' | 'train' | 'merge' | 'evaluate' | 'write', number>>

/** What manifest.json holds. */
export type Manifest = Omit<RunDescription, 'format'> & {
  readonly format?: number
  /** Its own digest (seal.ts); those of before 0.5.0 have none. */
  readonly manifest_sha256?: string
} & Outcome

/** The source of a dataset that no one machine has. */
export const OWNERS_DATA = 'the owners'

/** SHA-256 (hex) of the JSON of [train_labels, test_labels]: what `fedunify check` compares of a shard. */
export function labelsHash(train: readonly number[], test: readonly number[]): string {
  return createHash('sha256')
    .update(JSON.stringify([train, test]))
    .digest('hex')
}

/**
 * What a checkpoint names of its run, so that it is none of another: all that stays as it is when a run is resumed,
 * SHA-256 (hex). The hashes of merge rules of the user's own are in that of the config.
 */
export function runIdentity(run: Omit<RunDescription, 'format'>): string {
  const { config_hash, dataset, shards, engine, fedunify, started } = run
  const { name, device, version } = engine
  const facts = [
    config_hash,
    dataset.sha256,
    shards.map(({ sha256 }) => sha256),
    name,
    device,
    version,
    fedunify,
    started,
  ]
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

/** What a file says of the run that it is of: the same wherever the folder lies, and however many rounds are added. */
export const runOf = ({ config, started }: Pick<RunDescription, 'config' | 'started'>): string =>
  `${config.name}/${started}`

/** The merge rule that drives a run: its model is sent back to the owners. */
export const drivingRule = ({ manifest }: { readonly manifest: Pick<Manifest, 'config'> }): string =>
  nameOf(manifest.config.merge[0]!)

/** Images of all owners, as far as they tell. */
export const imagesIn = (shards: readonly Pick<ShardDescription, 'train' | 'test'>[]): number =>
  shards.reduce((sum, { train, test }) => sum + train + (test ?? 0), 0)

/** Owners that share no metrics. */
export const withoutMetrics = (shards: readonly Pick<ShardDescription, 'owner' | 'test'>[]): number[] =>
  shards.flatMap(({ owner, test }) => (test === null ? [owner] : []))

/** How many images of each class owners train on, by owner; of those that tell. */
export const labelsTold = (
  shards: readonly Pick<ShardDescription, 'owner' | 'train_labels'>[],
): ReadonlyMap<number, readonly number[]> =>
  new Map(shards.flatMap(({ owner, train_labels }) => (train_labels.length > 0 ? [[owner, train_labels]] : [])))
