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
export function needsMeans({ optimizer, init, server, merge }: Setting): Unsound | undefined {
  if (optimizer === 'adam') {
    const why = 'reads gradients off how far the weights went, which optimizer adam rescales'
    return { why, hint: 'use optimizer sgd or momentum' }
  }
  if (init === 'independent') {
    return { why: 'needs owners that begin with the same weights, but init is independent', hint: 'use init shared' }
  }
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
