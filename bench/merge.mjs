// Merging against copying the same bytes, in GB/s of owners' weights read. Prints a JSON line for each measure.

import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startMerge } from '../build/algorithm/merge/start-merge.js'
import { WeightPool } from '../build/weights/pool.js'
import { median } from './figures.mjs'

/** Bytes that the distinct models have together, so that they come from memory as they do after a round. */
const COLD = 2 ** 29

const asWeights = (data) => new Map([['w', { shape: [data.length], data }]])

/**
 * @param rule name of a merge rule
 * @param owners how many models are merged
 * @param weights of a model
 * @param distinct how many different models there are in memory at most: the owners have them in turn
 * @param seconds to measure for
 * @returns medians in GB/s: of a merge, in memory of an earlier result, as a run's rounds make it from the third on; of
 *   copying all models to memory that is there; and of a merge that makes a new model beside copies to new memory
 */
export function measure({ rule: name, owners, weights, distinct = 100, seconds = 4 }) {
  const count = Math.max(2, Math.min(distinct, Math.ceil(COLD / (4 * weights))))
  const random = Float32Array.from({ length: 65_521 }, () => Math.random() - 0.5)
  const models = Array.from({ length: count }, (_, i) =>
    Float32Array.from({ length: weights }, (_, j) => random[(j + i * 7919) % random.length]),
  )
  let next = 0
  const places = () => {
    const from = next
    next = (next + owners) % count
    return Array.from({ length: owners }, (_, k) => (from + k) % count)
  }
  const round = () => places().map((place) => models[place])
  const asOwners = () =>
    round().map((data, k) => ({
      owner: k + 1,
      trainImages: 600,
      weights: asWeights(data),
    }))
  // What is written, by merges and by copies, goes to as many places as there are models: it too is in no cache.
  const targets = models.map(() => new Float32Array(weights).fill(1))
  const results = targets.map(asWeights)
  const kept = new WeightPool()
  const merge = (pool) => {
    const merge = startMerge(name, { pool, round: 1 })
    for (const owner of asOwners()) merge.add(owner)
    return merge.finish()
  }
  const ways = {
    merge() {
      kept.releaseAll(results.shift())
      results.push(merge(kept))
    },
    copy() {
      for (const place of places()) targets[place].set(models[place])
    },
    merge_new: () => merge(new WeightPool()),
    copy_new() {
      for (const data of round()) new Float32Array(weights).set(data)
    },
  }
  const times = {
    ...inTurn(['merge', 'copy'], ways, seconds / 2),
    ...inTurn(['merge_new', 'copy_new'], ways, seconds / 2),
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
    merge_new_to_copy_new: ratio('merge_new', 'copy_new'),
  }
}

/** Milliseconds of each way. In turn, so that what slows the machine for a while slows all. */
function inTurn(names, ways, seconds) {
  const times = Object.fromEntries(names.map((name) => [name, []]))
  for (const name of names) ways[name]()
  const end = performance.now() + 1000 * seconds
  for (let turn = 0; turn < 3 || performance.now() < end; turn++) {
    for (const name of names) {
      const began = performance.now()
      ways[name]()
      times[name].push(performance.now() - began)
    }
  }
  return times
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
