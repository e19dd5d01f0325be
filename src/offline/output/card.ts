import { type MergeChoice, ownRuleOf } from '../../algorithm/merge/own-rule.ts'
import { VERSION } from '../../package.ts'
import { choiceText, nameOf, optionsOf } from '../../parts.ts'
import { BLANK_SEAL } from '../../runs/seal.ts'
import { sharedPath } from '../../system/shared-path.ts'
import type { Metadata } from '../../weights/safetensors/header.ts'
import { type MergeJob, modelsOf } from '../job.ts'
import { type Model, sharedMetadata } from '../model/model.ts'
import type { ModelFile } from '../model/model-file.ts'

/** SHA-256 of each file of the models. */
export type Digests = ReadonlyMap<ModelFile, string>

/** Raised when a reader would take a card for what it is not. */
const FORMAT = 1

/** The name of the card of a model. */
export const cardName = (path: string): string => `${path.replace(/[\\/]+$/, '')}.card.json`

/** A model as it may be shown to others, with the digest of each of its files. */
function described(model: Model, digests: Digests, weight?: number) {
  const files = model.files.map((file) => ({
    file: sharedPath(file.path),
    bytes: file.size,
    sha256: digests.get(file) ?? BLANK_SEAL,
  }))
  const { index } = model
  return {
    model: sharedPath(model.name),
    ...(weight !== undefined && { weight }),
    files: index ? [{ file: sharedPath(index.path), sha256: index.sha256 }, ...files] : files,
  }
}

/** Whether weights say anything. */
const isWeighted = ({ weights }: Pick<MergeJob, 'weights'>) => weights.some((weight) => weight !== 1)

const sources = (job: MergeJob, digests: Digests) => ({
  models: job.models.map((model, i) => described(model, digests, isWeighted(job) ? job.weights[i] : undefined)),
  base: job.base ? described(job.base, digests) : null,
})

/**
 * What a merged model says of itself: what all models say alike (`format`, for example), and what it was made of. It has
 * the same length with and without the digests.
 */
export function mergedMetadata(job: MergeJob, digests: Digests): Metadata {
  const { models, base } = sources(job, digests)
  return {
    ...sharedMetadata(modelsOf(job).map(({ metadata }) => metadata)),
    fedunify: VERSION,
    merge: choiceText(job.rule),
    models: JSON.stringify(models),
    ...(base && { base: JSON.stringify(base) }),
  }
}

export interface Made {
  readonly path: string
  readonly bytes: number
  /** Names of tensors that were not merged. */
  readonly copied: readonly string[]
}

/** For people and programs (docs/formats.md). */
export function cardText(job: MergeJob, digests: Digests, { path, bytes, copied }: Made): string {
  const { models, base } = sources(job, digests)
  const own = ownRuleOf(job.rule)
  const tensors = [...job.models[0]!.tensors.values()]
  const card = {
    format: FORMAT,
    fedunify: VERSION,
    file: sharedPath(path),
    bytes,
    tensors: tensors.length,
    values: tensors.reduce((sum, { values }) => sum + values, 0),
    rule: {
      name: nameOf<MergeChoice>(job.rule),
      options: optionsOf(job.rule),
      ...(own && { file: own.file, sha256: own.sha256 }),
    },
    dtype: job.dtype ?? null,
    models,
    base,
    copied,
  }
  return `${JSON.stringify(card, null, 2)}\n`
}
