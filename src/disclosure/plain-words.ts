import type { Experiment } from '../config/schema.ts'
import { nameOf } from '../parts.ts'
import type { ShardDescription } from '../runs/run-description.ts'

/** Who has images of which classes. */
export interface Holdings {
  readonly shards: readonly Pick<ShardDescription, 'owner' | 'train_labels'>[]
  readonly names: readonly string[]
}

/**
 * What holds for this experiment and stands in no message by itself, a sentence each.
 * @param holdings undefined for an owner, who does not know what others have
 */
export function plainWords(experiment: Experiment, holdings?: Holdings): string[] {
  const { privacy, owners, keep } = experiment
  const driving = nameOf(experiment.merge[0]!)
  const masked = privacy?.masks !== undefined
  const words: string[] = []
  if (masked) words.push('The server learns the sum of the updates, and nothing else of one.')
  else words.push('The server reads the weights of every owner, and can attack each by itself.')
  if (owners === 2 && experiment.server === 'none' && MEANS.includes(driving)) {
    const how = masked ? 'the sum less its own update' : 'twice the mean less its own weights'
    const whom = masked ? 'Masks protect the two from the server alone. ' : ''
    words.push(`${whom}Each of the two owners knows the update of the other: it is ${how}.`)
  }
  const alone = holdings ? exclusive(holdings.shards) : []
  const masks = masked ? ', in the sum too: masks do not hide it' : ''
  if (alone.length > MOST) {
    words.push(`${alone.length} owners have classes that nobody else has: rows of the last layer tell of them${masks}.`)
  } else {
    for (const { owner, classes } of alone) {
      const names = classes.map((c) => holdings!.names[c]).join(', ')
      words.push(`Owner ${owner} alone has images of ${names}: rows of the last layer show what it did${masks}.`)
    }
  }
  if (!privacy?.level) {
    words.push('There is no noise: what the unified model tells of an image or an owner has no bound.')
  } else {
    words.push('The noise covers the weights alone. Counts, losses and accuracies are told as they are.')
  }
  if (keep) words.push("The run folder keeps every owner's update. It is not for sharing.")
  words.push('Confusion matrices tell how many test images of each class an owner has.')
  return words
}

/** Owners that are named. */
const MOST = 4

/** Rules whose result gives away one of two updates to whoever has the other. */
const MEANS = ['avg', 'weighted-avg']

/** Classes that one owner alone trains on, of owners that tell. */
function exclusive(shards: Holdings['shards']): { owner: number; classes: number[] }[] {
  const has = ({ train_labels: labels }: (typeof shards)[number], c: number) => (labels[c] ?? 0) > 0
  const classes = Array.from({ length: Math.max(...shards.map((shard) => shard.train_labels.length)) }, (_, c) => c)
  return shards
    .map((shard) => ({
      owner: shard.owner,
      classes: classes.filter((c) => has(shard, c) && shards.every((other) => other === shard || !has(other, c))),
    }))
    .filter((one) => one.classes.length > 0)
}
