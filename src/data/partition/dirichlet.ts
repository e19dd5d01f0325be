import { z } from 'zod'
import { FedunifyError } from '../../errors.ts'
import { shuffle, stream } from '../../random.ts'
import type { Shard } from '../dataset.ts'
import { dirichletDraw } from './gamma.ts'
import { shardOf, tooManyOwners } from './split.ts'
import type { PartitionPart, SplitRequest } from './types.ts'

/** Draws until every owner has images; of many owners fewer, for one takes a number for each owner and class. */
const MOST_DRAWS = 1000
const LEAST_DRAWS = 10
const MOST_NUMBERS = 1e7

/**
 * Between V (alpha → ∞) and H (alpha → 0): the images of each class are dealt out by proportions drawn from
 * Dir(alpha) over the owners, as Yurochkin et al. do; Hsu et al. study what alpha does to federated averaging.
 */
export const dirichlet = {
  summary: 'each class dealt out by proportions drawn from Dir(alpha): a small alpha gives unlike owners',
  source: 'Hsu, Qi and Brown 2019 (arXiv:1909.06335); Yurochkin et al. 2019 (arXiv:1905.12022)',
  options: z.strictObject({
    alpha: z
      .number()
      .gt(0)
      .describe('concentration; smaller is more uneven')
      .meta({ short: 'alpha', examples: [0.5] }),
  }),
  make: ({ alpha }) => ({
    steps: (labels, request) => steps(labels, request, alpha),
  }),
} satisfies PartitionPart<{ alpha: number }>

/** One step for each draw. */
function* steps(
  labels: Uint8Array,
  { seed, owners, classes, indices }: SplitRequest,
  alpha: number,
): Generator<undefined, Shard[]> {
  if (indices.length < 2 * owners) throw tooManyOwners('dirichlet', owners, indices.length, 'fewer than 2 each')

  const byClass = Array.from({ length: classes }, (_, label) => indices.filter((index) => labels[index] === label))
  const draws = Math.min(MOST_DRAWS, Math.max(LEAST_DRAWS, Math.floor(MOST_NUMBERS / (owners * classes))))
  const random = stream(seed, 'partition')
  const draw = () => byClass.map((images) => cuts(images.length, dirichletDraw(owners, alpha, random)))
  const enough = (ends: number[][]) => range(owners).every((i) => sum(ends.map((end) => end[i + 1]! - end[i]!)) >= 2)
  let ends = draw()
  for (let drawn = 1; !enough(ends); drawn++) {
    if (drawn === draws) {
      throw new FedunifyError(
        'E_PARTITION',
        `partition dirichlet: in each of ${draws} draws with alpha ${alpha}, ` +
          `some of the ${owners} owners had fewer than 2 of ${indices.length} images`,
        'use a larger alpha, fewer owners, or more images',
      )
    }
    yield
    ends = draw()
  }
  for (const images of byClass) shuffle(images, random)
  return range(owners).map((i) => {
    const parts = byClass.map((images, label) => images.subarray(ends[label]![i]!, ends[label]![i + 1]!))
    return shardOf(i + 1, concat(parts), random)
  })
}

/** Where to cut `count` items so that the parts have these proportions, rounded: 0, …, count. */
function cuts(count: number, proportions: readonly number[]): number[] {
  let share = 0
  const inner = proportions.slice(0, -1).map((proportion) => {
    share += proportion
    return Math.min(count, Math.round(share * count))
  })
  return [0, ...inner, count]
}

function concat(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(sum(parts.map((part) => part.length)))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
