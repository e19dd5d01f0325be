import { OPTIMIZERS } from '../engine/optimizer-registry.ts'
import { type Choice, make, nameOf } from '../parts.ts'
import { ServerNoise } from '../privacy/noise/at-server.ts'
import { type OwnerNoise, PRIVACY } from '../privacy/noise/owner-noise.ts'
import { WeightPool } from '../weights/pool.ts'
import type { Weights } from '../weights/weights.ts'
import type { Algorithm, Folded, State } from './algorithm.ts'
import { EarlierModels, lastOf } from './earlier-models.ts'
import { type LabelCounts, RoundFold } from './fold.ts'
import { chosenHead, type HEADS } from './head/registry.ts'
import type { MaskedRule } from './masked-plan.ts'
import type { MergeChoice } from './merge/own-rule.ts'
import type { Objective } from './objective/objective.ts'
import { OBJECTIVES } from './objective/registry.ts'
import { SealedFold } from './sealed-fold.ts'
import type { SERVER_STEPS } from './server/registry.ts'
import { chosenStep, startServer } from './server/start-server.ts'

/** What an experiment chooses of an algorithm. */
export interface ChosenAlgorithm {
  /** The first drives the run, the others are scored on the same updates. */
  readonly merge: readonly MergeChoice[]
  readonly server: Choice<typeof SERVER_STEPS>
  readonly objective: Choice<typeof OBJECTIVES>
  readonly head?: Choice<typeof HEADS> | undefined
  /** All owners of the run; default: those that a round merges. */
  readonly owners?: number
  /** How owners train, for what goes by their steps. */
  readonly batch?: number
  readonly optimizer?: Choice<typeof OPTIMIZERS>
  readonly 'local-epochs'?: number | undefined
  /** With masks, the owners' updates are only known by their sum. */
  readonly privacy?: { readonly masks?: { readonly range: number } | undefined } | undefined
}

/**
 * An algorithm of merge rules, a server step, the server's half of a local objective and a head.
 * @param noise at the level of owners, if there is any
 */
export function makeAlgorithm(
  experiment: ChosenAlgorithm,
  labels: LabelCounts = new Map(),
  noise?: OwnerNoise,
): Algorithm {
  const { merge, server, objective, head: fitted, owners, batch, optimizer } = experiment
  const privacy = noise && new ServerNoise(noise)
  const head = chosenHead(fitted)
  const { server: half, step: own }: Objective = make(OBJECTIVES, objective)
  const chosen = own ?? chosenStep(server)
  const step = chosen && startServer(chosen)
  const momentum = optimizer && make(OPTIMIZERS, optimizer).momentum
  const training = batch !== undefined && momentum !== undefined ? { batch, momentum } : undefined
  const pool = new WeightPool()
  const earlierModels = new EarlierModels(merge, pool)
  const ofOwners = merge.filter((choice) => lastOf(choice) === undefined)
  const masked = maskedRuleOf(experiment)
  let current = 0
  // Nobody reads these once the next fold begins, and the one after it.
  let idle: readonly Weights[] = []
  let last: Weights | undefined
  let before: Weights | undefined

  return {
    head: head && { ...head, name: nameOf(fitted!) },
    merges: merge.map(nameOf),
    start: (initial) => ({
      ...within(SERVER, step?.start(initial) ?? {}),
      ...within(OBJECTIVE, half?.start(initial) ?? {}),
      ...within(LAST, earlierModels.start(initial)),
      ...within(PRIVACY, privacy?.start() ?? {}),
    }),
    instruct: (state, owner) => ({
      ...half?.instruct(of(OBJECTIVE, state), owner),
      ...(privacy && within(PRIVACY, of(PRIVACY, state))),
    }),
    fold(round) {
      for (const model of before ? [...idle, before] : idle) pool.releaseAll(model)
      ;[idle, before, last] = [[], last, undefined]
      current = round.round
      if (masked) return new SealedFold(masked, round, pool)
      return new RoundFold(ofOwners, round, pool, { labels, training, moves: step?.needsMoves })
    },
    step(state, base, { models, owners: participants, sent, meanSquare }: Folded) {
      const [merged, ...scored] = models as [Weights, ...Weights[]]
      const norms = of(PRIVACY, state)
      const mean = { round: current, mean: merged, present: participants, sent: of(PRIVACY, sent) }
      // First of all: nothing that follows sees the mean without noise.
      const nextNorms = privacy && base ? privacy.step(norms, { ...mean, base }) : {}
      const stepped = step && base ? step.step(of(SERVER, state), base, { merged, meanSquare }, pool) : undefined
      last = stepped?.model ?? merged
      const { models: ofRounds, state: kept } = earlierModels.step(of(LAST, state), last, current)
      const others = merge.slice(1).map((choice) => ofRounds.get(nameOf(choice)) ?? scored.shift()!)
      idle = stepped ? [merged, ...others] : others
      const attendance = { participants, owners: owners ?? participants }
      const ofObjective = half ? within(OBJECTIVE, half.step(of(OBJECTIVE, state), sent, attendance)) : {}
      const next = {
        ...within(SERVER, stepped?.state ?? {}),
        ...ofObjective,
        ...within(LAST, kept),
        ...within(PRIVACY, nextNorms),
      }
      return { model: last, others, state: next, stepSize: stepped?.size, clip: privacy?.norm(norms) }
    },
  }
}

/** What is summed under masks; undefined without them. Both sides make it of the experiment. */
export function maskedRuleOf(experiment: Omit<ChosenAlgorithm, 'server' | 'objective'>): MaskedRule | undefined {
  const { merge, privacy, batch, optimizer, 'local-epochs': epochs } = experiment
  if (!privacy?.masks) return undefined
  const momentum = optimizer && make(OPTIMIZERS, optimizer).momentum
  const known = batch !== undefined && momentum !== undefined && epochs !== undefined
  return {
    choice: merge.find((choice) => lastOf(choice) === undefined)!,
    range: privacy.masks.range,
    training: known ? { epochs, batch, momentum } : undefined,
  }
}

const SERVER = 'server/'
const OBJECTIVE = 'objective/'
const LAST = 'last/'

/** The part of a state whose names begin with the prefix, without it. */
const of = (prefix: string, state: State): State =>
  Object.fromEntries(
    Object.entries(state).flatMap(([name, weights]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), weights]] : [],
    ),
  )

/** The same state with the prefix. */
const within = (prefix: string, state: State): State =>
  Object.fromEntries(Object.entries(state).map(([name, weights]) => [prefix + name, weights]))
