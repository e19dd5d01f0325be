// What samples come to: medians, ratios, and whether targets are met. Pure.

/** Of the JSON files: raised when a reader would have to change. Those of before had none. */
export const FORMAT = 1

/** @typedef {{ atLeast: number } | { atMost: number }} Target */

/**
 * One thing that was measured several times.
 * @typedef {{ key: string, name: string, unit: string, digits?: number, values: number[], target?: Target }} Series
 */

/**
 * One series over another of the same suite, both by their keys. Sample i of both comes from turn i.
 * @typedef {{ key: string, name: string, over: string, under: string, target?: Target }} Ratio
 */

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Median, extremes and the single values, to `digits` decimals. */
export function figure(values, digits = 0) {
  const round = (value) => Number(value.toFixed(digits))
  return {
    median: round(median(values)),
    min: round(Math.min(...values)),
    max: round(Math.max(...values)),
    values: values.map(round),
  }
}

/** How many weights a model has, as names and keys say it: 422k, 25M. */
export const sizeText = (weights) => (weights < 1e6 ? `${Math.round(weights / 1e3)}k` : `${weights / 1e6}M`)

/** Names of fields as the JSON files have them: settings may go by the names of flags. */
export const withSnakeCase = (fields) =>
  Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll('-', '_'),
      value,
    ]),
  )

/** @param value undefined if there was nothing to measure it with */
function judge(value, target) {
  if (!target) return {}
  const met = 'atLeast' in target ? value >= target.atLeast : value <= target.atMost
  return { target: withSnakeCase(target), status: value === undefined ? 'not measured' : met ? 'pass' : 'miss' }
}

/** @param series a Series; without values if there was nothing to measure it with */
function seriesFigure({ name, unit, digits, values, target }) {
  if (values.length === 0) return { name, unit, ...judge(undefined, target) }
  return { name, unit, ...figure(values, digits), ...judge(median(values), target) }
}

/** The ratio of the medians, and the median and extremes of the ratios in each turn. The first one is judged. */
function ratioFigure({ name, target, over, under }, byKey) {
  const [a, b] = [byKey.get(over)?.values ?? [], byKey.get(under)?.values ?? []]
  if (a.length === 0 || b.length === 0) return { name, ...judge(undefined, target) }
  const ofMedians = median(a) / median(b)
  const {
    median: ofTurns,
    min,
    max,
  } = figure(
    a.map((value, turn) => value / b[turn]),
    3,
  )
  return { name, of_medians: Number(ofMedians.toFixed(3)), of_turns: ofTurns, min, max, ...judge(ofMedians, target) }
}

/**
 * @param {{ series: Series[], ratios?: Ratio[] }} measured
 * @returns the figures of a suite by key, as its JSON file holds them
 */
export function summarise({ series, ratios = [] }) {
  const byKey = new Map(series.map((one) => [one.key, one]))
  return {
    figures: Object.fromEntries(series.map((one) => [one.key, seriesFigure(one)])),
    ratios: Object.fromEntries(ratios.map((one) => [one.key, ratioFigure(one, byKey)])),
  }
}

/** JSON for people too, and as the formatter has it: lists of numbers stay on one line. */
export function json(value) {
  const list = /\[\s+(-?[\d.e+-]+(?:,\s+-?[\d.e+-]+)*)\s+\]/g
  return `${JSON.stringify(value, null, 2).replace(list, (_, items) => `[${items.replace(/\s+/g, ' ')}]`)}\n`
}
