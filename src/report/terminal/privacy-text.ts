import { labelHistogram } from '../../data/partition/partition.ts'
import { trainingOwners } from '../../federation/drawn-owners.ts'
import { maskWords } from '../../privacy/masks/plain-words.ts'
import type { PreparedRun } from '../../run/prepare.ts'

/** What an experiment's privacy does and does not, each on a line; nothing if it asks for none. */
export function privacyLines({ experiment, shards, dataset }: PreparedRun): string[] {
  const { privacy } = experiment
  if (!privacy?.masks) return []
  return maskWords({
    owners: trainingOwners(experiment),
    ...privacy.masks,
    threshold: privacy.masks.threshold,
    labels: shards.map(({ owner, train }) => ({ owner, counts: labelHistogram(dataset, train) })),
    classNames: dataset.classNames,
    testSeed: privacy['insecure-test-seed'],
  })
}
