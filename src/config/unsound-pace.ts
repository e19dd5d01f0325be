import type { z } from 'zod'
import type { Objective } from '../algorithm/objective/objective.ts'
import { OBJECTIVES } from '../algorithm/objective/registry.ts'
import { type AnyChoice, make, nameOf } from '../parts.ts'
import type { ExperimentSchema } from './schema.ts'
import type { UnsoundKey } from './unsound.ts'

type Asked = Pick<
  z.output<typeof ExperimentSchema>,
  'pace' | 'speeds' | 'init' | 'server' | 'objective' | 'baseline' | 'keep' | 'head'
> & { readonly merge: readonly AnyChoice[] }

/** What a run without waiting cannot do, and why. */
export function unsoundPace(experiment: Asked): UnsoundKey | undefined {
  const { pace, speeds, init, server, merge, objective, baseline, keep, head } = experiment
  if (!pace || nameOf(pace) === 'sync') {
    if (speeds === undefined) return undefined
    const why = 'speeds are given, but a round waits for all owners'
    return { key: 'speeds', why, hint: 'choose a pace, for example fedasync, or leave speeds out' }
  }
  const name = `pace ${nameOf(pace)}`
  const part: Objective = make(OBJECTIVES, objective)
  const rules = merge.map(nameOf<AnyChoice>)
  if (rules.join() !== 'avg') {
    return {
      key: 'merge',
      why: `${name} merges models as they arrive, not by ${rules.join(', ')}`,
      hint: 'use merge avg',
    }
  }
  if (server !== 'none') {
    return { key: 'server', why: `${name} is a server step itself`, hint: 'use server none' }
  }
  if (init !== 'shared') return { key: 'init', why: `${name} needs a model to begin with`, hint: 'use init shared' }
  if (part.end || part.server || part.step) {
    const why = `objective ${nameOf(objective)} needs all owners in every round, which ${name} does not wait for`
    return { key: 'objective', why, hint: 'use an objective that keeps nothing, or pace sync' }
  }
  const other = baseline !== 'none' ? 'baseline' : keep ? 'keep' : head && nameOf(head) !== 'none' ? 'head' : undefined
  if (!other) return undefined
  return {
    key: other,
    why: `${other} is of rounds that wait for all owners, and ${name} has none`,
    hint: `leave ${other} out`,
  }
}
