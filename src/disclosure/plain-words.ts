import { headRange } from '../config/head-range.ts'
import { noiseIn } from '../config/noise-in.ts'
import { noiseWords } from '../config/noise-words.ts'
import type { Privacy } from '../config/privacy-schema.ts'
import { recordWords } from '../config/record-words.ts'
import type { Experiment } from '../config/schema.ts'
import { trainingOwners } from '../federation/drawn-owners.ts'
import { nameOf } from '../parts.ts'
import { maskWords } from '../privacy/masks/plain-words.ts'
import { type OwnerLabels, soleClasses } from '../privacy/sole-classes.ts'
import type { ShardDescription } from '../runs/run-description.ts'

/** Who has images of which classes. */
export interface Holdings {
  readonly shards: readonly Pick<ShardDescription, 'owner' | 'train_labels'>[]
  readonly names: readonly string[]
  /** Values of the model. */
  readonly parameters: number
}

/**
 * What holds for this experiment and stands in no message by itself, a sentence each.
 * @param holdings undefined for an owner, who does not know what others have
 */
export function plainWords(experiment: Experiment, holdings?: Holdings): string[] {
  const { privacy, keep } = experiment
  return [
    ...(privacy?.masks ? masked(experiment, privacy.masks, holdings) : unmasked(experiment, holdings)),
    ...recordWords(experiment, imagesOf(holdings)),
    ...noise(experiment, holdings),
    ...(keep ? ["The run folder keeps every owner's update: it is not for sharing."] : []),
    'Confusion matrices tell how many test images of each class an owner has.',
  ]
}

function noise(experiment: Experiment, holdings?: Holdings): string[] {
  const level = experiment.privacy?.level
  if (level === undefined)
    return ['There is no noise: what the unified model tells of an image or an owner has no bound.']
  if (level === 'owner' && holdings) {
    const { shards, parameters } = holdings
    const labels = shards.some(({ train_labels }) => train_labels.length > 0)
    return noiseWords({ experiment, parameters, tells: { metrics: true, labels } }).map(sentence)
  }
  return ['The noise covers the weights alone: counts, losses and accuracies are told as they are.']
}

const sentence = (text: string) => `${text[0]!.toUpperCase()}${text.slice(1)}.`

const labelsOf = (holdings?: Holdings): OwnerLabels =>
  (holdings?.shards ?? []).map(({ owner, train_labels }) => ({ owner, counts: train_labels }))

const imagesOf = (holdings?: Holdings) =>
  (holdings?.shards ?? []).map(({ train_labels }) => train_labels.reduce((all, count) => all + count, 0))

function masked(experiment: Experiment, masks: NonNullable<Privacy['masks']>, holdings?: Holdings): string[] {
  return maskWords({
    owners: trainingOwners(experiment),
    range: masks.range,
    threshold: masks.threshold,
    labels: labelsOf(holdings),
    classNames: holdings?.names ?? [],
    testSeed: experiment.privacy?.['insecure-test-seed'],
    head: headRange(experiment) !== undefined,
  })
}

function unmasked(experiment: Experiment, holdings?: Holdings): string[] {
  const { owners, server, merge } = experiment
  const words = ['The server reads the weights of every owner, and can attack each by itself.']
  // Of a mean to which the server has added noise, an owner does not know what it was.
  const isMean = server === 'none' && noiseIn(experiment) !== 'merged' && MEANS.includes(nameOf(merge[0]!))
  if (owners === 2 && isMean) {
    words.push('Each of the two owners knows the update of the other: it is twice the mean less its own weights.')
  }
  const alone = soleClasses(labelsOf(holdings))
  if (alone.length > MOST) {
    words.push(`${alone.length} owners have classes that nobody else has: rows of the last layer tell of them.`)
    return words
  }
  const named = alone.map(({ owner, classes }) => {
    const names = classes.map((c) => holdings!.names[c]).join(', ')
    return `Owner ${owner} alone has images of ${names}: rows of the last layer show what it did.`
  })
  return [...words, ...named]
}

/** Owners that are named. */
const MOST = 4

/** Rules whose result gives away one of two updates to whoever has the other. */
const MEANS = ['avg', 'weighted-avg']
