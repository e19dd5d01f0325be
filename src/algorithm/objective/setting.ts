import type { MergeName } from '../merge/registry.ts'

/** What an objective may know of the experiment that it is chosen in. */
export interface Setting {
  readonly optimizer: string
  readonly init: 'shared' | 'independent'
  readonly server: string
  /** The merge rule that drives the run. */
  readonly merge: string
}

/** Why an experiment would mislead, and what to do. */
export interface Unsound {
  readonly why: string
  readonly hint: string
}

/** Merge rules that are means with weights that stay the same from round to round. */
const MEANS: readonly string[] = ['avg', 'weighted-avg'] satisfies MergeName[]

/**
 * What an objective asks for that reads gradients off how far the weights went: the sum of what the owners keep is 0, and
 * their rounds lead to the pooled optimum, only if each round begins from one model and ends in a mean.
 */
export function needsMeans(setting: Setting): Unsound | undefined {
  const { server, merge } = setting
  const unlike = needsOneStart(setting)
  if (unlike) return unlike
  if (server !== 'none') {
    const why = `needs the merged model as it is, but server ${server} makes another one of it`
    return { why, hint: 'use server none' }
  }
  if (!MEANS.includes(merge)) {
    const why = `needs a mean of the owners' weights, but merge ${merge} is none`
    return { why, hint: 'put avg or weighted-avg first; other rules may follow, and are evaluated' }
  }
  return undefined
}

/** The same of one whose server counts every owner alike, and has a learning rate of its own. */
export function needsMeanOfAll(setting: Setting): Unsound | undefined {
  const { server, merge } = setting
  const unlike = needsOneStart(setting)
  if (unlike) return unlike
  if (server !== 'none' && server !== 'sgd') {
    const why = `has a step of its own, x + lr mean Δy, but server ${server} makes another one`
    return { why, hint: 'use server none, or sgd for its learning rate' }
  }
  if (merge !== 'avg') {
    const why = `counts every owner alike, but merge ${merge} does not`
    return { why, hint: 'put avg first; other rules may follow, and are evaluated' }
  }
  return undefined
}

function needsOneStart({ optimizer, init }: Setting): Unsound | undefined {
  if (optimizer === 'adam') {
    const why = 'reads gradients off how far the weights went, which optimizer adam rescales'
    return { why, hint: 'use optimizer sgd or momentum' }
  }
  if (init === 'independent') {
    return { why: 'needs owners that begin with the same weights, but init is independent', hint: 'use init shared' }
  }
  return undefined
}
