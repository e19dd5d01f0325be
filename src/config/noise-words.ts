import { significant, thousands } from '../format.ts'
import { splitOf } from '../privacy/noise/owner-noise.ts'
import { DELTA, ownerAccount, ownerNoise } from './owner-noise.ts'
import type { Experiment } from './schema.ts'

/** What a run is made of, as far as it concerns what its noise hides. */
export interface NoisyRun {
  readonly experiment: Omit<Experiment, 'name' | 'workers'>
  /** Values of the model. */
  readonly parameters: number
  /** Whether owners tell their losses and accuracies, and how many images of each class they have. */
  readonly tells: { readonly metrics: boolean; readonly labels: boolean }
}

/** The noise is so many times as long as what it is added to: little is learnt then. */
const DROWNED = 10

/** What noise at the level of owners hides in this very run, from whom, and what it does not hide; none without noise. */
export function noiseWords(run: NoisyRun): string[] {
  const { experiment } = run
  const noise = ownerNoise(experiment)
  const account = ownerAccount(experiment)
  if (!noise || !account) return []
  const spent = account.epsilonAfter(experiment.rounds)
  const promise = Number.isFinite(spent)
    ? [`epsilon ${short(spent)} at delta ${account.delta} after ${experiment.rounds} rounds, for all that an owner has`]
    : ['the noise is 0: changes are clipped, and nothing is promised']
  return [...promise, ...ratioWords(run), ...whomWords(run), `not covered by the noise: ${uncovered(run).join('; ')}`]
}

/** What whoever begins such a run must know; none if there is nothing to warn of. */
export function noiseWarnings(run: NoisyRun): string[] {
  const { experiment } = run
  const { privacy, owners } = experiment
  if (!ownerNoise(experiment)) return []
  const delta = privacy?.delta ?? DELTA
  const large = `delta ${delta} is not below 1 / owners (${short(1 / owners)}): to tell all of one owner would be within it`
  const seeded =
    'the noise is drawn from insecure-test-seed: whoever knows it can take the noise away, so this run protects nobody'
  return [
    ...(delta >= 1 / owners ? [large] : []),
    ...(privacy?.['insecure-test-seed'] === undefined ? [] : [seeded]),
    ...(ratioOf(run) > DROWNED ? ratioWords(run) : []),
  ]
}

/** How many times as long the noise on a round's mean is as the longest mean change: z / N · √d. */
function ratioOf({ experiment, parameters }: NoisyRun): number {
  const noise = ownerNoise(experiment)!
  return (splitOf(noise).update / noise.owners) * Math.sqrt(parameters)
}

function ratioWords(run: NoisyRun): string[] {
  const { owners, noise } = ownerNoise(run.experiment)!
  if (noise === 0) return []
  const ratio = ratioOf(run)
  const how = `noise ${short(noise)} / ${owners} owners x the root of ${thousands(run.parameters)} parameters`
  const drowned = ratio > DROWNED ? ', which drowns it: more owners, or a smaller model, help' : ''
  return [`the noise on a round's mean is ${short(ratio)} times as long as the mean can be (${how})${drowned}`]
}

function whomWords({ experiment }: NoisyRun): string[] {
  const { by, owners } = ownerNoise(experiment)!
  const { privacy, participants } = experiment
  const draw = 'owners are drawn with a seed that all know: each pays for the rounds in which it trains'
  const whom =
    by === 'server'
      ? 'the server adds the noise: it holds against whoever sees the models, not against the server'
      : privacy?.masks
        ? 'each owner adds its share of the noise, of which the others know nothing'
        : `each owner adds its share, 1 / ${owners} of the variance: without masks the server sees each change with no more`
  return [whom, ...(participants ? [draw] : [])]
}

/** What leaves an owner in this run beside its change. */
function uncovered({ experiment, tells }: NoisyRun): string[] {
  const { keep, 'stop-at': stopAt, 'until-local-accuracy': until } = experiment
  const masked = experiment.privacy?.masks !== undefined
  const kept = ownerNoise(experiment)!.by === 'server' ? 'without noise' : 'with the share of the noise alone'
  return [
    'how many images each owner has',
    ...(tells.metrics ? ['the losses and accuracies of each owner'] : []),
    ...(tells.labels ? ['the label counts in the manifest'] : []),
    ...(masked ? [] : ['how far the owners lie apart (drift)']),
    ...(until === undefined ? [] : ['how many epochs each owner trained (until-local-accuracy)']),
    ...(stopAt === undefined ? [] : ['after which round the run stops (stop-at)']),
    ...(keep ? [`the kept weights of the owners, which are ${kept}`] : []),
  ]
}

/** Three digits. */
const short = (value: number): string => significant(value, 3)
