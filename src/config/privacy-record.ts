import { findRule } from '../algorithm/merge/own-rule.ts'
import type { OBJECTIVES } from '../algorithm/objective/registry.ts'
import { type AnyChoice, nameOf, optionsOf, withDefaults } from '../parts.ts'
import { besideNoise } from './privacy-noise.ts'
import type { Experiment } from './schema.ts'
import type { UnsoundKey } from './unsound.ts'

type Asked = Omit<Experiment, 'name' | 'workers'>

const COUNTS = 'shows in its model how many images of each class an owner has, to which no noise is added'

/** Why the noise on a step's clipped gradients does not cover an objective; undefined if it does. */
const OBJECTIVE: Record<keyof typeof OBJECTIVES, string | undefined> = {
  'cross-entropy': undefined,
  'label-smoothing': undefined,
  // What these add to a gradient is made of models that are known anyway, and added after the noise.
  fedprox: undefined,
  scaffold: undefined,
  feddyn: undefined,
  fedcm: undefined,
  fedrs: COUNTS,
  fedlc: COUNTS,
  'balanced-softmax': COUNTS,
  'vacant-classes': COUNTS,
  fedntd: 'has a teacher, whose part in the gradients of single images is not clipped',
}

/** What an experiment asks for that noise at the level of records does not cover. */
export function unsoundRecordNoise(experiment: Asked): UnsoundKey | undefined {
  const { privacy, objective, sam, model } = experiment
  if (privacy?.level !== 'record') return undefined
  if (typeof privacy.clip === 'object') {
    const why = 'an adaptive norm is of level owner: at level record gradients are clipped to a fixed one'
    return { key: 'privacy', why, hint: 'for example clip: 1' }
  }
  const uncovered = OBJECTIVE[nameOf(objective)]
  if (uncovered !== undefined) {
    const why = `objective ${nameOf(objective)} ${uncovered}`
    return { key: 'objective', why, hint: 'use cross-entropy, fedprox, scaffold, feddyn, fedcm or label-smoothing' }
  }
  if (sam !== undefined) {
    const why = 'sam moves the weights by the gradient of all images of a step, to which no noise is added'
    return { key: 'sam', why, hint: 'leave out sam or privacy' }
  }
  if (typeof model !== 'string' && model.some(({ type }) => type === 'dropout')) {
    const why =
      "dropout goes by an image's place among the others of its step, so that one image changes what others give"
    return { key: 'model', why, hint: 'leave the dropout out: noise keeps a model from learning by heart, too' }
  }
  return unsoundRounds(experiment) ?? unsoundMerge(experiment)
}

function unsoundRounds(experiment: Asked): UnsoundKey | undefined {
  const { pace, head, baseline } = experiment
  if (experiment['until-local-accuracy'] !== undefined) {
    const why =
      'until-local-accuracy lets the images decide how many steps an owner takes, so that epsilon is not known'
    return { key: 'until-local-accuracy', why, hint: 'use local-epochs' }
  }
  if (pace && nameOf(pace) !== 'sync') {
    const why = `pace ${nameOf(pace)} does not say how often an owner trains, so that epsilon is not known`
    return { key: 'pace', why, hint: 'use pace sync, or leave out privacy' }
  }
  return besideNoise({ head, baseline })
}

/** Of rules whose code is here; a server looks at those of its own. */
function unsoundMerge({ merge }: Asked): UnsoundKey | undefined {
  for (const choice of merge as readonly AnyChoice[]) {
    const rule = findRule(choice)
    const options = rule && withDefaults(rule, optionsOf(choice))
    const asks = (options && rule?.asks?.(options)) ?? []
    const uses = (options && rule?.uses?.(options)) ?? []
    const what =
      asks.length > 0
        ? "asks for sums over an owner's images, to which no noise is added"
        : uses.includes('labels')
          ? COUNTS
          : undefined
    if (what === undefined) continue
    return { key: 'merge', why: `merge ${nameOf(choice)} ${what}`, hint: 'use a rule of weights alone, such as avg' }
  }
  return undefined
}
