import type { Manifest } from '../../../runs/run-description.ts'

/** "5 of 10" if owners lack classes: how many an owner has training images of; undefined if all have all, or none tells. */
export function classesKnown({ shards, dataset }: Manifest): string | undefined {
  const all = dataset.class_names.length
  const known = shards
    .filter(({ train_labels }) => train_labels.length > 0)
    .map(({ train_labels }) => train_labels.filter((count) => count > 0).length)
  if (known.length === 0) return undefined
  const [least, most] = [Math.min(...known), Math.max(...known)]
  if (least === all) return undefined
  return least === most ? `${least} of ${all}` : `${least} to ${most} of ${all}`
}
