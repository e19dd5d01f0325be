import { lastOf } from '../algorithm/earlier-models.ts'
import type { Objective } from '../algorithm/objective/objective.ts'
import { OBJECTIVES } from '../algorithm/objective/registry.ts'
import { chosenStep } from '../algorithm/server/start-server.ts'
import { type AnyChoice, make, nameOf } from '../parts.ts'
import { affordableRounds, firstTooDear } from '../privacy/account.ts'
import { ownerAccount, ownerNoise, withinBudget } from './owner-noise.ts'
import type { Privacy } from './privacy-schema.ts'
import type { Experiment } from './schema.ts'
import type { UnsoundKey } from './unsound.ts'

type Asked = Omit<Experiment, 'name' | 'workers'>

const LEVEL_KEYS = ['clip', 'noise', 'noise-by', 'epsilon', 'delta'] as const satisfies (keyof Privacy)[]

/** Keys of noise that do not fit each other, at any level. */
export function unsoundNoise({ privacy }: Pick<Asked, 'privacy'>): UnsoundKey | undefined {
  if (!privacy) return undefined
  const { level, clip, noise, epsilon, masks, 'noise-by': by } = privacy
  const refuse = (why: string, hint: string) => ({ key: 'privacy', why, hint })
  const idle = level === undefined ? LEVEL_KEYS.find((key) => privacy[key] !== undefined) : undefined
  if (idle !== undefined) {
    return refuse(`${idle} is given without level, so nothing is clipped and no noise is added`, 'add level: owner')
  }
  if (level === undefined) return undefined
  if (clip === undefined) return refuse(`level ${level} needs a norm to clip to`, 'for example clip: 1')
  if (noise === undefined && epsilon === undefined) {
    return refuse(`level ${level} needs noise, or an epsilon to find it for`, 'for example epsilon: 4, or noise: 1')
  }
  if (noise === 0 && epsilon !== undefined) {
    return refuse('without noise no epsilon holds, but noise is 0', 'leave out noise, or epsilon')
  }
  if (level === 'owner' && masks && typeof clip !== 'number') {
    const why = 'an adaptive norm goes by how many owners are within it, which each tells without masks'
    return refuse(why, 'give clip a number, or leave out masks')
  }
  if (level === 'record' && by !== undefined) {
    return refuse('noise-by is of level owner: at level record each owner adds noise as it trains', 'leave it out')
  }
  return undefined
}

/** What an experiment asks for that noise at the level of owners does not cover, or would cost more than is counted. */
export function unsoundOwnerNoise(experiment: Asked): UnsoundKey | undefined {
  if (experiment.privacy?.level !== 'owner') return undefined
  return unsoundParts(experiment) ?? unsoundMerge(experiment) ?? unsoundBudget(experiment)
}

function unsoundParts({ init, pace, head, baseline, objective, server }: Asked): UnsoundKey | undefined {
  if (init === 'independent') {
    const why = 'noise at level owner is added to changes of the model that all received, but with init independent'
    return { key: 'init', why: `${why} each owner begins with its own`, hint: 'use init shared' }
  }
  if (pace && nameOf(pace) !== 'sync') {
    const why = `pace ${nameOf(pace)} has no rounds in which each owner counts once: its epsilon is not known`
    return { key: 'pace', why, hint: 'use pace sync, or leave out privacy' }
  }
  const beside = besideNoise({ head, baseline })
  if (beside) return beside
  const part: Objective = make(OBJECTIVES, objective)
  if (part.sends) {
    const why = `objective ${nameOf(objective)} sends more than its weights, to which no noise is added`
    return { key: 'objective', why, hint: 'use an objective that sends its weights alone' }
  }
  if (nameOf(objective) === 'scaffold') {
    const why =
      "objective scaffold takes the model for the mean of the owners' weights, which clipping and noise change"
    return { key: 'objective', why, hint: 'use another objective, such as fedprox' }
  }
  if (chosenStep(server)?.size) {
    const why = `server ${nameOf(server)} goes by how far each owner went, which has no noise`
    return { key: 'server', why, hint: 'use a server step that goes by the merged model alone, such as avgm' }
  }
  return undefined
}

/** What is made of the owners' images beside a model with noise, whatever the level. */
export function besideNoise({ head, baseline }: Pick<Asked, 'head' | 'baseline'>): UnsoundKey | undefined {
  if (head && nameOf(head) !== 'none') {
    const why = `head ${nameOf(head)} is fitted to sums over the owners' images, to which no noise is added`
    return { key: 'head', why, hint: 'leave out head or privacy' }
  }
  if (baseline !== 'none') {
    const why = 'the pooled baseline trains on the images of all owners without noise, beside a model with it'
    return { key: 'baseline', why, hint: 'run it by itself, and compare the two' }
  }
  return undefined
}

/** Noise is for a mean in which each owner counts the same; a second rule would be told of the same updates once more. */
function unsoundMerge({ merge }: Asked): UnsoundKey | undefined {
  const [driver, ...others] = merge.map((choice) => ({ choice, name: nameOf<AnyChoice>(choice) }))
  if (driver!.name !== 'avg') {
    const why =
      driver!.name === 'weighted-avg'
        ? 'merge weighted-avg lets an owner count for as much as it has images, so that no norm bounds what it changes'
        : `merge ${driver!.name} is no mean of the owners' changes, so that the clipping norm does not bound what one changes`
    return { key: 'merge', why: `${why} (level owner)`, hint: 'use merge avg' }
  }
  const second = others.find(({ choice }) => lastOf(choice) === undefined)
  if (!second) return undefined
  const why = `merge ${second.name} would be scored on the same updates, without noise: it would cost as much again`
  return { key: 'merge', why, hint: 'use merge avg alone, or beside rules that merge earlier models' }
}

function unsoundBudget(experiment: Asked): UnsoundKey | undefined {
  const { privacy = {}, rounds } = experiment
  const { epsilon } = privacy
  const refuse = (why: string, hint: string) => ({ key: 'privacy', why, hint })
  if (epsilon === undefined) return undefined
  const found = ownerNoise(experiment)
  if (!found) {
    const why = `no noise keeps ${rounds} rounds within epsilon ${epsilon}`
    return refuse(why, 'allow a larger epsilon or delta, or do fewer rounds')
  }
  const account = ownerAccount(experiment)!
  if (affordableRounds(account, rounds) === 0) {
    return refuse(
      firstTooDear(account),
      `leave out noise, which finds it (${withinBudget(experiment)}), or allow a larger epsilon`,
    )
  }
  return undefined
}
