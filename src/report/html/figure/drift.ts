import { mean } from '../../../stats.ts'
import type { RunRecord } from '../../run-record.ts'
import { bothSizes, chart, figure, type Size, table, WIDTHS } from '../chart/figure.ts'
import { roundTicks, thinOut } from '../chart/scale.ts'
import { html, type Markup, px } from '../markup.ts'
import { DEEP } from '../style/theme.ts'

/** Drift of each tensor in each round, the mean over the runs of a group. */
export interface DriftTable {
  readonly rounds: readonly number[]
  readonly tensors: readonly string[]
  /** [tensor][round]; undefined if no run tells. */
  readonly values: readonly (readonly (number | undefined)[])[]
}

const MAX_ROUNDS = 100

export function driftTable(runs: readonly RunRecord[]): DriftTable {
  const saved = runs.flatMap(({ events }) => events?.rounds ?? [])
  const every = [...new Set(saved.map(({ round }) => round))].sort((a, b) => a - b)
  const rounds = thinOut(every, MAX_ROUNDS)
  const tensors = [...new Set(saved.flatMap(({ drift }) => Object.keys(drift)))]
  const values = tensors.map((tensor) =>
    rounds.map((round) => {
      const all = saved.filter((s) => s.round === round && tensor in s.drift).map(({ drift }) => drift[tensor]!)
      return all.length > 0 ? mean(all) : undefined
    }),
  )
  return { rounds, tensors, values }
}

/** How far the owners' weights lie apart before they are merged, by tensor and round. */
export function driftFigure(id: string, runs: readonly RunRecord[]): Markup {
  const drifts = driftTable(runs)
  const { rounds, tensors, values } = drifts
  const title = 'Drift of the owners’ weights'
  const rows = rounds.map((round, r) => [round, ...values.map((row) => driftText(row[r]))])
  return figure({
    id,
    title,
    caption: html`<p>How far the owners’ weights lie apart after they have trained and before they are merged: their root mean square distance from the mean of them, in units of the mean’s length. 0: all the same. Above 1 (dark): the owners differ more than they share.${runs.length > 1 && ` Means of ${runs.length} seeds.`}</p>`,
    plots: bothSizes((size) => driftChart(`${id}-${size}`, size, drifts, title)),
    table: table(['round', ...tensors], rows),
    layout: 'side',
  })
}

/** Upper bounds of the shades: fixed, so that reports can be compared. */
const BOUNDS = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4]
const level = (value: number) => {
  const i = BOUNDS.findIndex((bound) => value <= bound)
  return i < 0 ? DEEP + 2 : i + 1
}
const driftText = (value: number | undefined) =>
  value === undefined ? '' : value < 0.01 ? value.toFixed(4) : value.toFixed(2)

const ROW = 24

export function driftChart(id: string, size: Size, table: DriftTable, title: string): Markup {
  const { rounds, tensors, values } = table
  const width = WIDTHS[size]
  const left = Math.min(size === 'wide' ? 150 : 104, 10 + 6.8 * Math.max(...tensors.map((name) => name.length)))
  const column = Math.min(size === 'wide' ? 64 : 40, (width - left - 46) / rounds.length)
  const right = left + column * rounds.length
  const written = column >= 34
  const { markup: scale, height: top } = shadeScale(width)
  const bottom = top + tensors.length * ROW
  const rows = tensors.map((name, t) => {
    const y = top + t * ROW
    const cells = values[t]!.map((value, r) => {
      if (value === undefined) return undefined
      const shade = level(value)
      const x = left + r * column
      const gap = column > 6 ? 1 : 0
      const text =
        written &&
        html`<text class="small${shade >= DEEP && ' over'}" x="${px(x + column / 2)}" y="${y + 16}" text-anchor="middle">${driftText(value)}</text>`
      return html`<g><title>${name}, round ${rounds[r]!}: ${value.toPrecision(3)}</title><rect class="cell hit s${shade}" x="${px(x)}" y="${y}" width="${px(column - gap)}" height="${ROW - 1}"/>${text}</g>`
    })
    const last = written
      ? undefined
      : html`<text class="small" x="${px(right + 6)}" y="${y + 16}">${driftText(values[t]!.at(-1))}</text>`
    return html`<g><text class="small" x="${px(left - 6)}" y="${y + 16}" text-anchor="end">${name}</text>${cells}${last}</g>`
  })
  const ticks = (written ? rounds : roundTicks(rounds[0]!, rounds.at(-1)!, size === 'wide' ? 8 : 5)).map((round) => {
    // Thinned rounds lack some of the round numbers: then the nearest column that there is.
    const at = rounds.findIndex((r) => r >= round)
    return html`<text class="tick" x="${px(left + (at + 0.5) * column)}" y="${bottom + 15}" text-anchor="middle">${rounds[at]!}</text>`
  })
  const axis = html`<text class="tick" x="${px(left - 6)}" y="${bottom + 15}" text-anchor="end">round</text>`
  const most = tensors.map((name, t) => ({ name, value: values[t]!.at(-1) ?? 0 })).sort((a, b) => b.value - a.value)[0]
  const desc = most ? `At the last round the owners lie furthest apart in ${most.name}: ${driftText(most.value)}.` : ''
  const body = html`${scale}${rows}${ticks}${axis}`
  return chart({ id, width, height: bottom + 20, title, desc, only: size, body })
}

/** The shades and the values where they change. */
function shadeScale(width: number): { markup: Markup; height: number } {
  const step = Math.min(44, (width - 30) / (BOUNDS.length + 1))
  const boxes = [...BOUNDS, undefined].map((bound, i) => {
    const x = i * step
    const text =
      bound !== undefined &&
      html`<text class="small tick" x="${px(x + step)}" y="26" text-anchor="middle">${bound}</text>`
    return html`<rect class="cell hit s${i + 1}" x="${px(x)}" y="2" width="${px(step)}" height="11"/>${text}`
  })
  return { markup: html`<g>${boxes}</g>`, height: 42 }
}
