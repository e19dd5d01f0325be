import { chosenHead } from '../../algorithm/head/registry.ts'
import { PACES } from '../../algorithm/pace/registry.ts'
import { headRange } from '../../config/head-range.ts'
import { stemOf } from '../../config/parts/own-name.ts'
import { type Experiment, localEpochs } from '../../config/schema.ts'
import { statisticsSizes } from '../../federation/head-learner.ts'
import { statisticsShapes } from '../../federation/head-tensors.ts'
import { bytesOfSums } from '../../federation/head-words.ts'
import { duration, thousands } from '../../format.ts'
import { widened } from '../../model/features.ts'
import type { Layer } from '../../model/layers.ts'
import { type Model, parameterCount } from '../../model/model.ts'
import { type AnyChoice, make, nameOf } from '../../parts.ts'
import { oneLine } from '../../visible.ts'
import type { Policy } from './policy.ts'

/** What a run cannot do without. What it would merely like to have, an owner that does not share it leaves out. */
export interface Asks {
  /** Accuracies and losses of this owner. */
  readonly metrics: boolean
  /** How many images it has of each class. */
  readonly labels: boolean
}

/** What an experiment asks of an owner. */
export interface OwnerRequest {
  readonly experiment: Experiment
  /** Of the model. */
  readonly parameters: number
  readonly layers: readonly (Pick<Layer, 'type'> & { readonly units?: number })[]
  readonly asks: Asks
  /** Bytes of the sums that a head is fitted to; undefined if none is. */
  readonly sums: number | undefined
}

/** The request of an experiment whose model the owner has built itself, from the same layers. */
export function requestOf(experiment: Experiment, model: Model, asks: Asks): OwnerRequest {
  return {
    experiment,
    parameters: parameterCount(model),
    layers: model.layers.map(({ layer }) => layer),
    asks,
    sums: sumsBytes(experiment, model),
  }
}

function sumsBytes(experiment: Experiment, model: Model): number | undefined {
  const head = chosenHead(experiment.head)
  if (!head) return undefined
  const sizes = statisticsSizes(widened(model, head.random))
  const masked = headRange(experiment) !== undefined
  return masked ? bytesOfSums(sizes) : 4 * parameterCount({ parameters: statisticsShapes(sizes) })
}

/** Why a request does not fit a policy, a line for each reason, which names the key of the policy; none if it fits. */
export function refusals(policy: Policy, { experiment, parameters, layers, asks }: OwnerRequest): string[] {
  const { allow, most } = policy
  const { merge, server, objective } = experiment
  const rules = merge.map((choice) => nameOf<AnyChoice>(choice))
  return [
    ...beyond('most.parameters', parameters, most.parameters),
    ...others('allow.layers', [...new Set(layers.map(({ type }) => type))], allow.layers),
    // A rule of the experiment's own runs at the server, but its name is the owner's to allow all the same.
    ...others('allow.merge', rules, allow.merge, stemOf),
    ...others('allow.server', [nameOf(server)], allow.server),
    ...others('allow.objective', [nameOf(objective)], allow.objective),
    ...beyond('most.rounds', trainingsOf(experiment), most.rounds),
    ...beyond('most.local-epochs', localEpochs(experiment), most['local-epochs']),
    ...bareWeights(policy, experiment),
    ...secrets(policy, experiment, asks),
    ...withheldSums(policy, experiment),
  ]
}

/** How often an owner trains at most: without waiting, all arrivals may be its own. */
export function trainingsOf({ rounds, pace }: Pick<Experiment, 'rounds' | 'pace'>): number {
  const { buffer } = (pace && make(PACES, pace)) ?? { buffer: 1 }
  return rounds * buffer
}

/** Why an owner does not send the sums that the head of an experiment is fitted to; none if it does, or there is none. */
export function withheldSums({ share }: Policy, { head }: Pick<Experiment, 'head'>): string[] {
  if (!chosenHead(head)) return []
  const asked = `asked for sums of the features of each class, for head ${nameOf<AnyChoice>(head!)}`
  if (!share.statistics) return [`share.statistics: ${asked}; this owner shares them only if its policy says true`]
  return share.labels
    ? []
    : [`share.labels: ${asked}, which tell the number of its images; this owner does not share it`]
}

/**
 * Why a round goes beyond a policy, whatever its experiment said it would ask for; undefined if it does not.
 * @param seconds that this owner has trained in it
 */
export function roundRefusal(
  { most }: Policy,
  { round, seconds }: { round: number; seconds: number },
): string | undefined {
  const limit = most['seconds-per-round']
  if (limit !== undefined && !(seconds <= limit)) {
    return `most.seconds-per-round: round ${round} has taken ${duration(seconds)}; allowed: at most ${duration(limit)}`
  }
  return beyond('most.rounds', round, most.rounds)[0]
}

/** What is not finite is beyond every limit. */
function beyond(key: string, asked: number, limit: number | undefined): string[] {
  if (limit === undefined || asked <= limit) return []
  return [`${key}: asked for ${thousands(asked)}; allowed: at most ${thousands(limit)}`]
}

/** @param called what a name of the policy goes by in a request */
function others(
  key: string,
  asked: readonly string[],
  allowed: readonly string[] | undefined,
  called: (name: string) => string = (name) => name,
): string[] {
  if (allowed === undefined) return []
  const names = allowed.map(called)
  const refused = asked.filter((name) => !names.includes(name))
  if (refused.length === 0) return []
  return [`${key}: asked for ${refused.map(oneLine).join(', ')}; allowed: ${allowed.join(', ')}`]
}

/** Why an owner does not send the weights that an experiment asks for; none if it does. */
export const bareWeights = ({ share }: Policy, { privacy }: Pick<Experiment, 'privacy'>): string[] =>
  share.weights || privacy?.masks
    ? []
    : ['share.weights: asked for its weights as they are; this owner sends them under masks alone']

/** What would tell what this owner does not share. */
function secrets({ share }: Policy, experiment: Experiment, asks: Asks): string[] {
  const { 'stop-at': stopAt, 'until-local-accuracy': until } = experiment
  const metrics = [
    ...(asks.metrics ? ['asked for accuracies and losses; this owner shares none'] : []),
    ...(stopAt === undefined
      ? []
      : [`asked to stop-at ${stopAt}, for which the accuracy at every owner is needed; this owner shares none`]),
    ...(until === undefined
      ? []
      : [`asked to train until-local-accuracy ${until}, so that the epochs tell it; this owner shares no accuracy`]),
  ]
  return [
    ...(share.metrics ? [] : metrics.map((reason) => `share.metrics: ${reason}`)),
    ...(asks.labels && !share.labels
      ? ['share.labels: asked for the number of images of each class; this owner does not share it']
      : []),
  ]
}
