import { columns } from '../build/report/terminal/columns.js'

const HEAD = ['measure', 'unit', 'median', 'min', 'max', 'by turns', 'must reach', '']

/** All suites' figures in one table. */
export function table(summaries) {
  const rows = summaries.flatMap(({ figures, ratios }) => [
    ...Object.values(figures).map(figureRow),
    ...Object.values(ratios).map(ratioRow),
  ])
  return columns(HEAD, rows)
}

function figureRow({ name, unit, median, min, max, values = [], target, status = '' }) {
  const digits = Math.max(0, ...values.map((value) => `${value}`.split('.')[1]?.length ?? 0))
  return [name, unit, ...[median, min, max].map((value) => text(value, digits)), '', must(target), status]
}

function ratioRow({ name, of_medians, of_turns, min, max, target, status = '' }) {
  return [name, 'x', ...[of_medians, min, max, of_turns].map((value) => text(value, 2)), must(target), status]
}

function text(value, digits) {
  if (value === undefined) return ''
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function must(target) {
  if (!target) return ''
  return 'at_least' in target ? `>= ${target.at_least}` : `<= ${target.at_most}`
}
