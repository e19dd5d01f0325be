import { join } from 'node:path'
import { z } from 'zod'
import { withRuleFiles } from '../algorithm/merge/own-rule.ts'
import { configHash } from '../config/hash.ts'
import { oldConfigHash, upgradeConfig, withLaterKeys } from '../config/old-config.ts'
import type { Experiment } from '../config/schema.ts'
import { CLASS_NAMES } from '../data/fashion-mnist/known-files.ts'
import { FedunifyError } from '../errors.ts'
import { VERSION } from '../package.ts'
import { type AnyChoice, nameOf } from '../parts.ts'
import { readIfThere } from '../system/files.ts'
import { textOf } from '../system/text.ts'
import { assertSealed } from './manifest-text.ts'
import { labelsHash, type Manifest } from './run-description.ts'
import { MANIFEST } from './run-files.ts'

/** That of a run of 100,000 owners has about a third of it, in bytes. */
const MAX_MANIFEST = 1e8
/** Nothing of ours is nested deeper. */
const MAX_DEPTH = 32

/**
 * Raised when an older reader would take a run folder for what it is not.
 * - none: before 0.4.0.
 * - 2: in `config`, options stand with the part that was chosen (`optimizer: { momentum: { momentum: 0.9 } }`), and those
 *   of other parts are left out; `config_hash` is made of it with the keys sorted at every depth; `dataset` tells its
 *   shape, element type and class names; a finished run's manifest has marks of its tables, events and models.
 * - 3: a manifest holds a digest of itself, and that of a finished run marks of all its files: without them it was edited.
 */
export const RUN_FORMAT = 3

export const manifestFile = (dir: string): string => join(dir, MANIFEST)

/**
 * @throws FedunifyError (data) where `dir` holds no manifest of a run, one of a newer format, or one whose parts do not
 *   belong together
 */
export async function readManifest(dir: string): Promise<Manifest> {
  const file = manifestFile(dir)
  const content = await readIfThere(file, { most: MAX_MANIFEST })
  if (!content)
    throw new FedunifyError(
      'E_RUN_NOT_FOUND',
      `${file}: no such file`,
      'name the folder of a run, as `fedunify run` prints it',
    )
  const manifest = parseObject(textOf(content))
  if (!manifest || !('config_hash' in manifest) || !('shards' in manifest)) {
    throw new FedunifyError(
      'E_RUN_DAMAGED',
      `${file}: not the manifest of a fedunify run`,
      'it was cut short, or is foreign',
    )
  }
  assertFormat(manifest, file)
  assertSealed(content, manifest as Manifest, file)
  const parsed = ManifestShape.safeParse(manifest)
  if (!parsed.success) {
    const [{ path, message } = { path: [], message: '' }] = parsed.error.issues
    throw new FedunifyError(
      'E_RUN_DAMAGED',
      `${file}: ${path.join('.')}: ${message}`,
      'it was edited, or is of another version',
    )
  }
  const own = withRules(manifest as Manifest, file)
  assertOwnHashes(own, file)
  return upgraded(own)
}

const isFlat = ({ format }: Manifest) => format === undefined

/**
 * A manifest in which each choice of a rule of the user's own knows its file's hash, as in a run that is made.
 * @throws FedunifyError (data) if it tells of a rule that the run has not
 */
function withRules(manifest: Manifest, file: string): Manifest {
  const { config, merge_rules: files = {} } = manifest
  const idle = Object.keys(files).find((name) => config.merge.every((choice) => nameOf<AnyChoice>(choice) !== name))
  if (idle !== undefined) throw edited(file, `merge_rules has ${idle}, which config does not`)
  return { ...manifest, config: { ...config, merge: withRuleFiles(config.merge, files) } }
}

/** A manifest of an earlier format as one of this: runs of one experiment have the same settings, whoever wrote them. */
function upgraded(manifest: Manifest): Manifest {
  if (!isFlat(manifest)) return { ...manifest, config: withLaterKeys(manifest.config) }
  const { dataset, shards } = manifest
  const labels = shards[0]?.train_labels ?? []
  const class_names = dataset.name === 'fashion-mnist' ? CLASS_NAMES : labels.map((_, label) => String(label))
  const config = upgradeConfig({ ...manifest.config }) as unknown as Experiment
  return { ...manifest, config, dataset: { ...dataset, class_names } }
}

function assertFormat(manifest: object, file: string): void {
  const format = 'format' in manifest ? manifest.format : undefined
  if (format === undefined || (typeof format === 'number' && format <= RUN_FORMAT)) return
  const by = 'fedunify' in manifest ? `fedunify ${manifest.fedunify}` : 'another version'
  throw new FedunifyError(
    'E_RUN_FORMAT',
    `${file}: run folder format ${JSON.stringify(format)}, written by ${by}, is newer than fedunify ${VERSION} can read (up to ${RUN_FORMAT})`,
    'use a newer version of fedunify',
  )
}

const count = z.int().min(0)
const text = z.string()
const seconds = z.number().min(0)
/** A part: its name, or that with its options. */
const choice = z.union([text, z.record(text, z.object({}))], 'expected a name, or a name with options')
/** Its name is a column's in tables and reports. */
const RuleFile = z.object({ file: text.regex(/^[\w-]+\.m?js$/), sha256: text.regex(/^[\da-f]{64}$/) })
const NoiseShape = z.object({
  level: z.enum(['owner', 'record']),
  noise: z.number(),
  delta: z.number(),
  epsilon: z.number().nullable(),
  randomness: text,
  note: text,
  lost_rounds: count,
})
const MarkShape = z.object({ size: count, sha256: text })

/** What readers take from a manifest without looking twice. */
const ManifestShape = z.object({
  status: z.enum(['running', 'finished', 'interrupted', 'failed']),
  rounds: count,
  started: text,
  finished: text.optional(),
  reason: text.optional(),
  seconds: z
    .object({ total: seconds, train: seconds, merge: seconds, evaluate: seconds, write: seconds })
    .partial({ write: true })
    .optional(),
  files: z.record(text, MarkShape).optional(),
  manifest_sha256: text.optional(),
  experiment_file: text.optional(),
  fedunify: text,
  config: z.object({
    name: text,
    dataset: choice.optional(),
    env: choice,
    seed: z.number(),
    merge: z.array(choice).min(1),
    server: choice.optional(),
    objective: choice.optional(),
    optimizer: choice.optional(),
    'lr-schedule': choice.optional(),
    rounds: z.int().min(1),
    baseline: text.optional(),
  }),
  config_hash: text,
  merge_rules: z.record(text, RuleFile).optional(),
  noise: NoiseShape.optional(),
  git: z.object({ commit: text, dirty: z.boolean() }).nullable(),
  dataset: z.object({
    name: text,
    source: text,
    images: count,
    class_names: z.array(text).optional(),
    sha256: z.record(text, text),
  }),
  shards: z.array(
    z.object({
      owner: z.int(),
      train: count,
      test: count.nullable(),
      train_labels: z.array(z.number()),
      test_labels: z.array(z.number()),
      labels_sha256: text.optional(),
    }),
  ),
  model: z.object({ parameters: count, layers: z.array(z.object({})) }),
  engine: z.object({ name: text, device: text, version: text, note: text.optional() }),
  machine: z.object({ platform: text, cpu: text.optional(), cores: count, memory_gib: z.number(), node: text }),
})

/** @throws FedunifyError (data) if the config or a histogram is not what its hash was made of */
function assertOwnHashes(manifest: Manifest, file: string): void {
  const { config, config_hash, shards } = manifest
  const hash = isFlat(manifest) ? oldConfigHash({ ...config }) : configHash(config)
  if (hash !== config_hash) throw edited(file, 'config does not match config_hash')
  const names = manifest.dataset.class_names
  for (const { owner, labels_sha256, train_labels, test_labels } of shards) {
    // Owners elsewhere may keep their label counts to themselves.
    const kept = train_labels.length === 0 && test_labels.length === 0
    if (!isFlat(manifest) && !kept && names?.length !== train_labels.length) {
      throw edited(file, `the label counts of owner ${owner} do not fit the class names of the dataset`)
    }
    // Runs of the first versions have none.
    if (labels_sha256 === undefined || labels_sha256 === labelsHash(train_labels, test_labels)) continue
    throw edited(file, `the label counts of owner ${owner} do not match labels_sha256`)
  }
}

const edited = (file: string, what: string) =>
  new FedunifyError('E_RUN_DAMAGED', `${file}: ${what}`, 'the file was edited')

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !isDeeper(value, MAX_DEPTH) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether a value is nested deeper than that: what walks through it, as JSON does, would run out of stack. */
function isDeeper(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return most === 0 || Object.values(value).some((inner) => isDeeper(inner, most - 1))
}
