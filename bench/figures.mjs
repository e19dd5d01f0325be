import { columns } from '../dist/report/columns.js'

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

/** The median ratio of values that were measured in turn: what slows the machine for a while slows both. */
export const ratio = (values, others) => Number(median(values.map((value, i) => value / others[i])).toFixed(2))

/** @param rows [measure, figure, digits, ratio to PyTorch on as many cores, ratio to one PyTorch process] */
export function table(rows) {
  const ratioText = (value) => (value === undefined ? '' : value.toFixed(2))
  return columns(
    ['measure', 'median', 'min', 'max', '/ PyTorch NCHW, same cores', '/ PyTorch NCHW, 1 core'],
    rows.map(([measure, { median, min, max }, digits, same, one]) => {
      const text = (value) =>
        value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
      return [measure, text(median), text(min), text(max), ratioText(same), ratioText(one)]
    }),
  )
}

/** JSON for people too, and as the formatter has it: lists of numbers stay on one line. */
export function json(value) {
  const list = /\[\s+(-?[\d.e+-]+(?:,\s+-?[\d.e+-]+)*)\s+\]/g
  return `${JSON.stringify(value, null, 2).replace(list, (_, items) => `[${items.replace(/\s+/g, ' ')}]`)}\n`
}
