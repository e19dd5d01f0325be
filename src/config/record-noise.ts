import type { Account } from '../privacy/account.ts'
import { epsilonAfter, noiseFor } from '../privacy/accountant/accountant.ts'
import { type RecordNoise, type SampledSteps, sampledSteps } from '../privacy/record/mechanism.ts'
import { DELTA, paidRounds } from './owner-noise.ts'
import { type Experiment, localEpochs } from './schema.ts'

/** What decides the noise of a run at the level of records. */
type Asked = Pick<
  Experiment,
  'privacy' | 'batch' | 'rounds' | 'local-epochs' | 'max-local-epochs' | 'participants' | 'seed' | 'owners'
>

/** What an owner of so many images does in a round, as an accountant counts it. */
function stepsOfRound(experiment: Asked, images: number): SampledSteps {
  const { rate, steps } = sampledSteps(images, experiment.batch)
  return { rate, steps: steps * localEpochs(experiment) }
}

/** The noise that was found for an experiment, by numbers of images: it takes a while to find. */
const known = new WeakMap<Asked, Map<number, number | undefined>>()

/** The least noise with which all rounds of an owner of so many images stay within the asked ε; undefined if no noise does. */
function withinBudget(experiment: Asked, images: number): number | undefined {
  const { epsilon, delta = DELTA } = experiment.privacy ?? {}
  if (epsilon === undefined) return undefined
  const found = known.get(experiment) ?? new Map<number, number | undefined>()
  known.set(experiment, found)
  if (!found.has(images)) {
    const { rate, steps } = stepsOfRound(experiment, images)
    found.set(images, noiseFor({ epsilon, delta, rate, steps: steps * paidRounds(experiment)(experiment.rounds) }))
  }
  return found.get(images)
}

/**
 * How an owner of so many images hides each of them; undefined if that is not asked for, or no noise reaches the ε. Where
 * an ε is asked for and no noise, each owner finds its own: it needs nothing but its number of images.
 */
export function recordNoise(experiment: Asked, images: number): RecordNoise | undefined {
  const { privacy } = experiment
  if (privacy?.level !== 'record') return undefined
  const { clip, 'insecure-test-seed': testSeed } = privacy
  const noise = privacy.noise ?? withinBudget(experiment, images)
  if (typeof clip !== 'number' || noise === undefined) return undefined
  return { clip, noise, testSeed }
}

/**
 * What the noise at the level of records costs: the ε of the owner that pays most, after so many rounds. Neighbouring data
 * differs in one image of one owner, which is there or is not; numbers of images are known to everybody.
 * @param images that each owner trains on
 * @param lost rounds that were begun, and not finished: their noise may have been seen
 */
export function recordAccount(experiment: Asked, images: readonly number[], lost = 0): Account | undefined {
  const { privacy = {} } = experiment
  const { epsilon: budget, delta = DELTA } = privacy
  const owners = [...new Set(images)].flatMap((count) => {
    const hidden = recordNoise(experiment, count)
    return hidden ? [{ ...stepsOfRound(experiment, count), ...hidden }] : []
  })
  if (owners.length === 0) return undefined
  const paid = paidRounds(experiment)
  return {
    level: 'record',
    noise: Math.max(...owners.map(({ noise }) => noise)),
    clip: owners[0]!.clip,
    delta,
    budget,
    epsilonAfter: (rounds: number) =>
      Math.max(
        ...owners.map(({ noise, rate, steps }) =>
          noise === 0
            ? Number.POSITIVE_INFINITY
            : epsilonAfter({ noise, rate, steps: steps * (paid(rounds) + lost), delta }),
        ),
      ),
  }
}
