import type { z } from 'zod'
import { lastOf } from '../algorithm/earlier-models.ts'
import { coefficientsOf } from '../algorithm/merge/coefficients.ts'
import { type MergeChoice, mergeRule } from '../algorithm/merge/own-rule.ts'
import type { Objective } from '../algorithm/objective/objective.ts'
import { OBJECTIVES } from '../algorithm/objective/registry.ts'
import { chosenStep } from '../algorithm/server/start-server.ts'
import { trainingOwners } from '../federation/drawn-owners.ts'
import { type AnyChoice, make, nameOf } from '../parts.ts'
import { bitsFor, FEWEST_BITS } from '../privacy/masks/fixed-point.ts'
import { MOST_HEAD_RANGE } from '../privacy/masks/wide-point.ts'
import type { Privacy } from './privacy-schema.ts'
import type { ExperimentSchema } from './schema.ts'
import type { UnsoundKey } from './unsound.ts'

type Asked = Pick<
  z.output<typeof ExperimentSchema>,
  'participants' | 'pace' | 'head' | 'keep' | 'objective' | 'server' | 'init' | 'privacy' | 'until-local-accuracy'
> & { readonly owners: number; readonly merge: readonly MergeChoice[] }

/** Shares of a secret, at most (shamir-secret-sharing). */
const MOST_SHARES = 255

/** What cannot be done if the server learns nothing but the sum of the updates, and why. */
export function unsoundMasks(experiment: Asked): UnsoundKey | undefined {
  const { privacy } = experiment
  if (!privacy?.masks) return undefined
  const summed = trainingOwners(experiment)
  const { threshold = summed } = privacy.masks
  if (privacy['noise-by'] === 'owners' && threshold < summed) {
    const why =
      'masks: an owner that is lost takes its share of the noise along, and the rest is less than was promised'
    return { key: 'privacy', why, hint: 'leave out threshold, or use noise-by: server' }
  }
  return unsoundOwners(summed, privacy.masks) ?? unsoundMerge(experiment) ?? unsoundRest(experiment)
}

function unsoundOwners(summed: number, { threshold }: NonNullable<Privacy['masks']>): UnsoundKey | undefined {
  const key = 'privacy'
  if (summed < 2) {
    const why = 'masks: a sum of one owner is its update'
    return { key, why, hint: 'draw at least two owners for each round, or leave out masks' }
  }
  if (bitsFor(summed) < FEWEST_BITS) {
    const why = `masks: a sum of ${summed} owners leaves ${bitsFor(summed)} bits for an update, which is too coarse`
    return { key, why, hint: `draw at most ${2 ** (32 - FEWEST_BITS)} owners for each round` }
  }
  if (threshold === undefined) return undefined
  if (summed < 3) {
    const why = 'masks: a threshold is for rounds of three owners or more: without one of two, the sum is the update of the other' // biome-ignore format: one line
    return { key, why, hint: 'leave out threshold: then both owners must answer' }
  }
  if (threshold > summed) {
    const why = `masks: threshold is ${threshold}, but ${summed} owners train in a round`
    return { key, why, hint: `use ${Math.floor(summed / 2) + 1} to ${summed}, or leave out threshold: all of them` }
  }
  if (threshold <= summed / 2) {
    const why = `masks: with threshold ${threshold} of ${summed} a server could have two halves of the owners unmask two different sums` // biome-ignore format: one line
    return { key, why, hint: `use ${Math.floor(summed / 2) + 1} or more: any two majorities have an owner in common` }
  }
  if (summed > MOST_SHARES) {
    const why = `masks: with a threshold a round has at most ${MOST_SHARES} owners, not ${summed}`
    return { key, why, hint: 'draw fewer owners for each round, or leave out threshold' }
  }
  return undefined
}

function unsoundMerge(experiment: Asked): UnsoundKey | undefined {
  const { merge, 'until-local-accuracy': accuracy } = experiment
  const ofOwners = merge.filter((choice) => lastOf(choice) === undefined)
  const each = ofOwners.find((choice) => mergeRule(choice).needs === 'each')
  if (each) {
    const why = `merge ${nameOf<AnyChoice>(each)} needs the update of each owner, but with masks the server has only their sum`
    return { key: 'merge', why, hint: 'use avg, weighted-avg, fednova or task-arithmetic' }
  }
  const [rule, other] = ofOwners
  if (other) {
    const names = `${nameOf<AnyChoice>(rule!)} and ${nameOf<AnyChoice>(other)}`
    const why = `merge ${names} are two sums of the same updates, and two sums tell more of an owner than one`
    return { key: 'merge', why, hint: 'use one rule; last-rounds may follow it' }
  }
  const name = rule && nameOf<AnyChoice>(rule)
  if (name === 'fednova' && accuracy !== undefined) {
    const why =
      'merge fednova counts owners by their steps, which with until-local-accuracy no owner knows of the others'
    return { key: 'merge', why, hint: 'use local-epochs, or another rule' }
  }
  if (rule) coefficientsOf(rule, SOME_OWNERS, 1)
  return undefined
}

/** By which it is seen that a rule of the user's own is a weighted sum. */
const SOME_OWNERS = [1, 2, 3].map((owner) => ({ owner, trainImages: owner, steps: owner }))

function unsoundRest(experiment: Asked): UnsoundKey | undefined {
  const { pace, head, keep, objective, server, init, privacy } = experiment
  if (pace && nameOf(pace) !== 'sync') {
    const why = `pace ${nameOf(pace)} merges single models as they arrive, but masks show only the sum of a round`
    return { key: 'pace', why, hint: 'use pace sync, or leave out masks' }
  }
  if (init !== 'shared') {
    const why = 'masked sums are of changes, but with init independent owners have no model in common to change'
    return { key: 'init', why, hint: 'use init shared' }
  }
  const unsound = unsoundHead(head, privacy!.masks!)
  if (unsound) return unsound
  if (keep) {
    return { key: 'keep', why: 'with masks nobody has the weights of single owners to keep', hint: 'leave out keep' }
  }
  const part: Objective = make(OBJECTIVES, objective)
  if (part.sends) {
    const why = `objective ${nameOf(objective)} sends a second sum of the same updates, and two sums tell more of an owner than one` // biome-ignore format: one line
    return { key: 'objective', why, hint: 'use scaffold without participants: it sends nothing' }
  }
  if (chosenStep(server)?.size) {
    const why = `server ${nameOf(server)} needs how far each owner went, but with masks nobody has it`
    return { key: 'server', why, hint: 'use another server step' }
  }
  return undefined
}

function unsoundHead(head: Asked['head'], masks: NonNullable<Privacy['masks']>): UnsoundKey | undefined {
  if (!head || nameOf(head) === 'none') {
    if (masks['head-range'] === undefined) return undefined
    return { key: 'privacy', why: 'masks: head-range is given without a head', hint: 'leave out head-range, or add a head' } // biome-ignore format: one line
  }
  const { 'head-range': range, threshold } = masks
  if (range !== undefined && range > MOST_HEAD_RANGE) {
    const why = `masks: with head-range ${range} counts of many images would not be whole numbers`
    return { key: 'privacy', why, hint: `use ${MOST_HEAD_RANGE} at most` }
  }
  if (threshold === undefined) return undefined
  const why = `head ${nameOf(head)} is fitted to sums that say how many images of each class there are: if an owner is lost between two of them, the difference says how many it has` // biome-ignore format: one line
  return { key: 'head', why, hint: 'leave out head, or the threshold of the masks' }
}
