// A table of the settings that bench/gpu/search.py tried, from the lines that it writes: means over seeds.
import { decimals, plusMinus } from '../build/format.js'
import { estimate } from '../build/stats.js'

const SCORES = ['avg', 'last_3', 'last_5', 'last_8', 'last_12']

/** @returns the cells of a table in Markdown, with its head; the best by the mean of the last three models first */
export function searchedRows(lines, env, least) {
  const groups = new Map()
  for (const line of lines.split('\n').filter(Boolean)) {
    const { env: its = 'H', seed: _, ...rest } = JSON.parse(line)
    if (its !== env) continue
    const settings = Object.entries(rest)
      .filter(([key]) => !SCORES.includes(key))
      .map(([key, value]) => `${key.replaceAll('_', ' ')} ${Array.isArray(value) ? value.join(' and ') : value}`)
    const key = settings.join(', ').replace('scaffold true', 'scaffold')
    groups.set(key, [...(groups.get(key) ?? []), rest])
  }
  const rows = [...groups]
    .filter(([, tried]) => tried.length >= least)
    .map(([settings, tried]) => ({
      settings: settings || 'plain averaging',
      seeds: tried.length,
      avg: estimate(tried.map(({ avg }) => avg)),
      last: estimate(tried.map(({ last_3 }) => last_3)),
    }))
    .toSorted((a, b) => b.last.mean - a.last.mean)
  return [
    ['set otherwise', 'seeds', 'last model', 'mean of the last 3'],
    ...rows.map(({ settings, seeds, avg, last }) => [
      settings,
      String(seeds),
      plusMinus(avg, decimals),
      plusMinus(last, decimals),
    ]),
  ]
}
