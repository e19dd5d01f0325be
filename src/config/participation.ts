import type { z } from 'zod'
import { needsAllOwners, type Objective } from '../algorithm/objective/objective.ts'
import { OBJECTIVES } from '../algorithm/objective/registry.ts'
import { drawnCount } from '../federation/drawn-owners.ts'
import { make, nameOf } from '../parts.ts'
import type { ExperimentSchema } from './schema.ts'
import type { UnsoundKey } from './unsound.ts'

type Asked = Pick<z.output<typeof ExperimentSchema>, 'participants' | 'pace' | 'head' | 'baseline' | 'objective'> & {
  readonly owners: number
}

/**
 * What an experiment asks for whose owners are drawn for each round. If all of them are drawn in all rounds, it is the
 * one without participants; and scaffold takes the form that owners may be absent from, unless one was named.
 */
export function withParticipants<E extends Asked>(experiment: E): E {
  const { participants, owners, objective } = experiment
  if (!participants) return experiment
  if (drawnCount(participants, owners) === owners) {
    const { participants: _, ...all } = experiment
    return all as E
  }
  return objective === 'scaffold' ? { ...experiment, objective: { scaffold: { form: 'general' } } } : experiment
}

/** What cannot be done if some owners are absent from each round, and why. */
export function unsoundParticipants(experiment: Asked): UnsoundKey | undefined {
  const { participants, owners, pace, head, baseline, objective } = experiment
  if (!participants) return undefined
  const { count } = participants
  if (count !== undefined && count > owners) {
    const why = `participants is ${count}, but there are ${owners} owners`
    return { key: 'participants', why, hint: 'ask for fewer, or for a fraction of them' }
  }
  if (pace && nameOf(pace) !== 'sync') {
    const why = `pace ${nameOf(pace)} has no rounds that owners could be drawn for`
    return { key: 'participants', why, hint: 'use pace sync, or leave participants out' }
  }
  if (head && nameOf(head) !== 'none') {
    const why = `head ${nameOf(head)} is fitted to sums over all owners, but participants draws some for each round`
    return { key: 'head', why, hint: 'leave out head or participants' }
  }
  if (baseline !== 'none') {
    const why = 'the pooled baseline trains on the images of all owners, but participants draws some for each round'
    return { key: 'baseline', why, hint: 'run it by itself, without participants, and compare the two' }
  }
  const part: Objective = make(OBJECTIVES, objective)
  if (!needsAllOwners(part)) return undefined
  const form = nameOf(objective) === 'scaffold' ? ' in the form upload-free' : ''
  const why = `objective ${nameOf(objective)}${form} needs all owners in each round, but participants draws some`
  return { key: 'objective', why, hint: 'use scaffold in the form general, or an objective that keeps nothing' }
}
