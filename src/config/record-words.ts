import { significant } from '../format.ts'
import { recordAccount, recordNoise } from './record-noise.ts'
import type { Experiment } from './schema.ts'

/** What decides what noise at the level of records hides. */
type Asked = Pick<
  Experiment,
  'privacy' | 'batch' | 'rounds' | 'local-epochs' | 'max-local-epochs' | 'participants' | 'seed' | 'owners'
>

/**
 * What noise at the level of records hides in an experiment, from whom, and what it does not, a sentence each.
 * @param images that each owner trains on; none if they are not known
 */
export function recordWords(experiment: Asked, images: readonly number[]): string[] {
  if (experiment.privacy?.level !== 'record') return []
  return [
    ...promise(experiment, images),
    "It does not hide what an owner's images have in common, such as which classes it has.",
  ]
}

function promise(experiment: Asked, images: readonly number[]): string[] {
  const account = recordAccount(experiment, images)
  if (!account) return ['Each owner adds noise as it trains, which hides single images from whoever sees its weights.']
  const { rounds } = experiment
  const spent = account.epsilonAfter(rounds)
  if (!Number.isFinite(spent)) return ['Gradients of single images are clipped, but without noise nothing is promised.']
  const last = account.budget === undefined ? spent : Math.min(spent, account.budget)
  const what = `epsilon ${significant(last, 4)} at delta ${account.delta} after ${rounds} rounds`
  return [`Each owner's own noise hides each of its images from the server and from all others: ${what}.`]
}

/** The noise is so many times as long as what it is added to: little is learnt then. */
const DROWNED = 5

/** How much of a step is noise: z √d / B, what its length is in the length that the mean of clipped gradients can have. */
export function drownedWords(experiment: Asked, images: readonly number[], parameters: number): string | undefined {
  const ratios = images.map((count) => {
    const noise = recordNoise(experiment, count)?.noise ?? 0
    return (noise * Math.sqrt(parameters)) / Math.min(experiment.batch, count)
  })
  const most = ratios.reduce((a, b) => Math.max(a, b), 0)
  if (most <= DROWNED) return undefined
  const what = `the noise of a step is ${significant(most, 2)} times as long as the mean gradient can be`
  return `${what} (batch ${experiment.batch}): a larger batch, more images or a smaller model help`
}
