import type { OwnerWeights } from '../algorithm/merge/rule.ts'
import { noiseIn } from '../config/noise-in.ts'
import type { Experiment } from '../config/schema.ts'
import { nameOf } from '../parts.ts'
import type { KeptRound } from '../remerge/merged.ts'
import type { Weights } from '../weights/weights.ts'
import type { Adversary } from './attack.ts'

/** An update as an adversary sees it. */
export interface SeenUpdate {
  readonly by: Adversary
  /** In words: "owner 1", "the mean of all owners". */
  readonly of: string
  /** Whose images are in it. */
  readonly owners: readonly number[]
  readonly received: Weights
  readonly sent: Weights
}

type Seen = Pick<Experiment, 'merge' | 'server' | 'privacy'>

/**
 * What parties see of the updates of a round. The server sees each, or under masks the mean alone. Another owner, the
 * first, knows the model before and after and its own update: if models are averaged, it knows the mean of the others,
 * and of two owners that is the other's update. If the server adds noise, it does not know that mean, and is left out.
 */
export function seenUpdates({ owners, received }: KeptRound, experiment: Seen): SeenUpdate[] {
  if (!received) return []
  const { privacy } = experiment
  const weigh = weightOf(experiment)
  const seen: SeenUpdate[] = []
  if (!privacy?.masks) {
    for (const { owner, weights } of owners) {
      seen.push({ by: 'server', of: `owner ${owner}`, owners: [owner], received, sent: weights })
    }
  } else if (weigh) {
    seen.push({ by: 'server', ...meanOf(owners, weigh, received), of: 'the mean of all owners' })
  }
  const [first, ...others] = owners
  if (!weigh || noiseIn(experiment) === 'merged' || !first || others.length === 0) return seen
  const of = others.length === 1 ? `owner ${others[0]!.owner}` : `the mean of all owners but ${first.owner}`
  return [...seen, { by: 'owner', ...meanOf(others, weigh, received), of }]
}

/** How much an owner counts in the unified model; undefined if that is no mean, or not what is sent back. */
function weightOf({ merge, server }: Seen): ((owner: OwnerWeights) => number) | undefined {
  if (nameOf(server) !== 'none') return undefined
  const rule = nameOf(merge[0]!)
  if (rule === 'avg') return () => 1
  return rule === 'weighted-avg' ? ({ trainImages }) => trainImages : undefined
}

function meanOf(owners: readonly OwnerWeights[], weigh: (owner: OwnerWeights) => number, received: Weights) {
  const whole = owners.reduce((sum, owner) => sum + weigh(owner), 0)
  const sent: Weights = new Map(
    [...received].map(([name, { shape, data }]) => {
      const mean = new Float64Array(data.length)
      for (const owner of owners) {
        const own = owner.weights.get(name)!.data
        const share = weigh(owner) / whole
        for (let i = 0; i < mean.length; i++) mean[i]! += share * own[i]!
      }
      return [name, { shape, data: Float32Array.from(mean) }]
    }),
  )
  return { owners: owners.map(({ owner }) => owner), received, sent }
}
