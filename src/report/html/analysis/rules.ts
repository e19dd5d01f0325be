import { group } from 'd3-array'
import type { RecordedScore, Remerged } from '../../../remerge/remerge-run.ts'
import { type Bar, barChart } from '../chart/bars.ts'
import { bothSizes, figure, signed, table } from '../chart/figure.ts'
import { sampled } from '../chart/legend.ts'
import { type Line, lineChart } from '../chart/line-chart.ts'
import { dashedAs, key, type Look, lookOf } from '../chart/marks.ts'
import { PERCENT_AXIS } from '../chart/percent.ts'
import { axisWithin, thinOut } from '../chart/scale.ts'
import { html, type Markup } from '../markup.ts'
import { atRounds, MAX_LINES, pointOf, roundsOf, shownModel } from '../series.ts'

/** A score of a rule that was used. */
export type Score = RecordedScore & { readonly accuracy: number }

export const scoresOf = ({ rows }: Remerged): Score[] =>
  rows.flatMap(({ accuracy, ...row }) => (accuracy === undefined ? [] : [{ ...row, accuracy }]))

const MAX_ROUNDS = 100

/** What other merge rules would have made of the weights that the run has kept. */
export function rulesFigure(id: string, remerged: Remerged, of: string): Markup | undefined {
  const scores = scoresOf(remerged)
  if (scores.length === 0) return undefined
  const rounds = new Set(scores.map(({ round }) => round))
  return rounds.size === 1 ? oneRound(id, remerged, scores, of) : byRound(id, remerged, scores, of)
}

const titleOf = (of: string) => `Merge rules on the kept weights${of}`

function oneRound(id: string, remerged: Remerged, scores: readonly Score[], of: string): Markup {
  const { driver } = remerged
  const [looks, names] = [looksOf(scores), namesOf(scores)]
  const ours = scores.find(({ rule }) => rule === driver)?.accuracy ?? baseOf(scores[0]!)
  const bars = scores
    .toSorted((a, b) => b.accuracy - a.accuracy)
    .map((score): Bar => {
      const { rule, accuracy, delta } = score
      const points = rule === driver ? ' (driver)' : delta === undefined ? '' : ` (${signed(delta)})`
      return {
        name: names.get(rule)!,
        value: 100 * accuracy,
        text: `${(100 * accuracy).toFixed(2)}${points}`,
        color: looks.get(rule)!.color,
      }
    })
  const values = bars.map(({ value }) => value)
  const axis = axisWithin([Math.min(100 * ours, ...values) - 0.5, Math.max(100 * ours, ...values) + 0.5], [0, 100])
  const rows = scores.map(({ rule, accuracy, recorded, loss, delta, distance }) => [
    rule,
    (100 * accuracy).toFixed(2),
    recorded === undefined ? '–' : (100 * recorded).toFixed(2),
    loss?.toFixed(4) ?? '–',
    delta === undefined ? '–' : signed(delta),
    distance?.toFixed(4) ?? '–',
  ])
  const title = titleOf(of)
  return figure({
    id,
    title,
    caption: html`<p>Accuracy on the test images of what each rule makes of the owners’ weights of round ${scores[0]!.round}, without training. Bars begin at ${driver}, which drove the run; in brackets the difference to it in points. The distance in the table is that of the weights from those of ${driver}, in units of the length of these.</p>${remarks(remerged)}`,
    plots: bothSizes((size) =>
      barChart({
        id: `${id}-${size}`,
        size,
        title,
        desc: bars.map(({ name, text }) => `${name}: ${text}`).join('; '),
        bars,
        from: 100 * ours,
        ...axis,
        tickText: PERCENT_AXIS.text,
      }),
    ),
    table: table(['rule', 'accuracy %', 'in the run %', 'loss', `to ${driver}`, 'distance'], rows),
    layout: 'side',
  })
}

/** The driver's accuracy, if it was not asked for itself. */
const baseOf = ({ accuracy, delta = 0 }: Score) => accuracy - delta / 100

function byRound(id: string, remerged: Remerged, scores: readonly Score[], of: string): Markup {
  const { driver } = remerged
  const [looks, names] = [looksOf(scores), namesOf(scores)]
  const all = [...group(scores, ({ rule }) => rule)].map(([rule, own]) => {
    const points = own.map(({ round, accuracy }) => ({ round, value: 100 * accuracy }))
    return { rule, name: names.get(rule)!, look: looks.get(rule)!, points }
  })
  const rounds = thinOut(roundsOf(all), MAX_ROUNDS)
  const series = atRounds(all, rounds).filter(({ points }) => points.length > 0)
  const last = ({ points }: Line) => points.at(-1)!.value
  const others = series.filter(({ rule }) => rule !== driver).sort((a, b) => last(b) - last(a))
  const shown = [...series.filter(({ rule }) => rule === driver), ...others].slice(0, MAX_LINES)
  const values = shown.flatMap(({ points }) => points.map(({ value }) => value))
  const title = titleOf(of)
  const rows = rounds.map((round) => [round, ...series.map((one) => pointOf(one, round)?.value.toFixed(2) ?? '')])
  return figure({
    id,
    title,
    caption: html`<p>Accuracy on the test images of what each rule makes of the owners’ weights of a round, without training; ${driver} drove the run. A rule is applied to the weights that the run had, so the lines are no runs of these rules.${shown.length < series.length && ` Drawn are ${driver} and the ${shown.length - 1} that are best at the end; all ${series.length} are in the table.`} Losses and distances are in remerge.json.</p>${remarks(remerged)}`,
    plots: bothSizes((size) =>
      lineChart({
        id: `${id}-${size}`,
        size,
        title,
        desc: `At the last round: ${shown.map((one) => `${one.name} ${last(one).toFixed(2)}\u00a0%`).join(', ')}.`,
        lines: shown.toReversed(),
        axis: { ...PERCENT_AXIS, ...axisWithin([Math.min(...values), Math.max(...values)], [0, 100]) },
        legend: shown.map(({ name, look }) => sampled(name, look)),
        rounds,
      }),
    ),
    table: table(['round', ...series.map(({ rule, look }) => html`${key(look)}${rule}`)], rows),
    layout: 'side',
    crosshair: 'round',
  })
}

/** Without its options if no other rule has that name: the data table tells them. */
function namesOf(scores: readonly Score[]): ReadonlyMap<string, string> {
  const rules = new Map(scores.map(({ rule, name }) => [rule, name]))
  const all = [...rules.values()]
  return new Map([...rules].map(([rule, name]) => [rule, all.filter((one) => one === name).length > 1 ? rule : name]))
}

/** Rules of one name and other options have its colour, told apart by their dashes. */
function looksOf(scores: readonly Score[]): ReadonlyMap<string, Look> {
  const rules = new Map(scores.map(({ rule, name }) => [rule, name]))
  const before = new Map<string, number>()
  return new Map(
    [...rules].map(([rule, name]) => {
      const i = before.get(name) ?? 0
      before.set(name, i + 1)
      const look = lookOf(shownModel(name))
      return [rule, i === 0 ? look : dashedAs(look, i)]
    }),
  )
}

/** What the command said beside its figures: which rules were not used and why, and its notes. */
function remarks({ rows, notes }: Remerged): Markup {
  const unused = new Map(rows.flatMap(({ rule, accuracy, reason }) => (accuracy === undefined ? [[rule, reason]] : [])))
  const list =
    unused.size > 0 &&
    html`<details><summary>Rules that were not used: ${unused.size}</summary><dl>${[...unused].map(([rule, reason]) => html`<div class="pair"><dt>${rule}</dt><dd>${reason}</dd></div>`)}</dl></details>`
  return html`${notes.map((note) => html`<p>Note: ${note}.</p>`)}${list}`
}
