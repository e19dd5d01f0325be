// Merging against copying the same bytes, in GB/s of owners' weights read. Prints a JSON line for each measure.

import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { MERGE_RULES } from '../dist/merge/registry.js'
import { median } from './figures.mjs'

/** Bytes that the distinct models have together, so that they come from memory as they do after a round. */
const COLD = 2 ** 29

/**
 * @param rule name of a merge rule
 * @param owners how many models are merged
 * @param weights of a model
 * @param distinct how many different models there are in memory at most: the owners have them in turn
 * @param seconds to measure for
 * @returns medians in GB/s: of `merge` of all owners at once, of folding in one owner after the other, of copying all
 *   models to memory that is there, and of copying each to new memory, as a merge too makes new memory of its result
 */
export function measure({ rule: name, owners, weights, distinct = 100, seconds = 4 }) {
  const rule = MERGE_RULES[name]
  const count = Math.max(2, Math.min(distinct, Math.ceil(COLD / (4 * weights))))
  const random = Float32Array.from({ length: 65_521 }, () => Math.random() - 0.5)
  const models = Array.from({ length: count }, (_, i) =>
    Float32Array.from({ length: weights }, (_, j) => random[(j + i * 7919) % random.length]),
  )
  const target = new Float32Array(weights)
  let next = 0
  const round = () => {
    const from = next
    next = (next + owners) % count
    return Array.from({ length: owners }, (_, k) => models[(from + k) % count])
  }
  const asOwners = () =>
    round().map((data, k) => ({
      owner: k + 1,
      trainImages: 600,
      weights: new Map([['w', { shape: [weights], data }]]),
    }))
  const targets = models.map(() => target.slice())
  const ways = {
    merge: () => rule.merge(asOwners()),
    fold() {
      const fold = rule.start()
      for (const owner of asOwners()) fold.add(owner)
      return fold.finish()
    },
    copy() {
      for (const [k, data] of round().entries()) targets[k % count].set(data)
    },
    copy_new() {
      for (const data of round()) new Float32Array(weights).set(data)
    },
  }
  const times = Object.fromEntries(Object.keys(ways).map((way) => [way, []]))
  for (const way of Object.values(ways)) way()
  const end = performance.now() + 1000 * seconds
  // In turn, so that what slows the machine for a while slows all.
  while (performance.now() < end || times.copy_new.length < 3) {
    for (const [way, work] of Object.entries(ways)) {
      const began = performance.now()
      work()
      times[way].push(performance.now() - began)
    }
  }
  const rate = (way) => Number(((4 * weights * owners) / 1e6 / median(times[way])).toFixed(2))
  const ratio = (way, other) => Number(median(times[way].map((time, i) => times[other][i] / time)).toFixed(2))
  return {
    rule: name,
    owners,
    weights,
    distinct_models: count,
    repetitions: times.merge.length,
    gb_per_s: Object.fromEntries(Object.keys(ways).map((way) => [way, rate(way)])),
    merge_to_copy: ratio('merge', 'copy'),
    merge_to_copy_new: ratio('merge', 'copy_new'),
    fold_to_copy: ratio('fold', 'copy'),
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      rules: { type: 'string', default: 'avg,max,absmax' },
      owners: { type: 'string', default: '2,100' },
      weights: { type: 'string', default: '421642,25000000' },
      distinct: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '4' },
    },
  })
  const list = (name) => values[name].split(',')
  for (const weights of list('weights').map(Number)) {
    for (const owners of list('owners').map(Number)) {
      for (const rule of list('rules')) {
        const limits = { distinct: Number(values.distinct), seconds: Number(values.seconds) }
        console.log(JSON.stringify(measure({ rule, owners, weights, ...limits })))
      }
    }
  }
}
