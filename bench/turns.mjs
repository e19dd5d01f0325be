import { together } from './children.mjs'

/**
 * Every side `turns` times, in turn. Each turn begins with another side, so that none always follows the same.
 * @yields a side, and how its turn is called
 */
export function* inTurns(sides, turns) {
  for (let turn = 0; turn < turns; turn++) {
    for (let i = 0; i < sides.length; i++) yield [sides[(turn + i) % sides.length], `turn ${turn + 1} of ${turns}`]
  }
}

/**
 * One side of a comparison: programs that begin together, and of which images/s are measured.
 * @typedef {{ key: string, name: string, commands: string[][] }} Side
 */

/**
 * Measures every side in turn, `turns` times.
 * @param {Side[]} sides
 * @returns by key: images/s, peak memory (MiB, of all processes together) and mean loss of every turn; and what computed
 */
export async function takeTurns(sides, turns, note) {
  const measured = new Map(sides.map(({ key }) => [key, { rate: [], peak_mib: [], mean_loss: [] }]))
  let versions = {}
  for (const [{ key, name, commands }, turn] of inTurns(sides, turns)) {
    const results = await together(commands)
    const wall = Math.max(...results.map(({ end }) => end)) - Math.min(...results.map(({ begin }) => begin))
    const { rate, peak_mib, mean_loss } = measured.get(key)
    rate.push(sum(results, 'images') / wall)
    peak_mib.push(Math.round(sum(results, 'memory')))
    mean_loss.push(Number((sum(results, 'loss') / results.length).toFixed(3)))
    // Where sides differ, the first one's: an engine in blocked layout names its blocks as well.
    versions = { ...results[0].versions, ...versions }
    note(`${turn}: ${name}: ${Math.round(rate.at(-1))} images/s, loss ${mean_loss.at(-1)}`)
  }
  return { measured, versions }
}

const sum = (results, key) => results.reduce((total, result) => total + result[key], 0)

/** The rates of the sides as series; sides that could not be measured have no values. */
export const rateSeries = (names, measured) =>
  Object.entries(names).map(([key, name]) => ({
    key,
    name,
    unit: 'images/s',
    values: measured.get(key)?.rate ?? [],
  }))

/** What else the turns told, for the JSON file: fedunify and PyTorch must come to about the same loss. */
export const otherDetails = (measured) =>
  Object.fromEntries([...measured].map(([key, { peak_mib, mean_loss }]) => [key, { peak_mib, mean_loss }]))
