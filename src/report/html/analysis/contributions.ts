import { thousands } from '../../../format.ts'
import { METHODS, type Method } from '../../../remerge/contributions.ts'
import type { Remerged } from '../../../remerge/remerge-run.ts'
import { barChart } from '../chart/bars.ts'
import { bothSizes, figure, signed, table } from '../chart/figure.ts'
import { POINTS_AXIS } from '../chart/percent.ts'
import { axisWithin } from '../chart/scale.ts'
import { html, type Markup } from '../markup.ts'
import { scoresOf } from './rules.ts'

const MEANINGS: Readonly<Record<Method, { readonly title: string; readonly caption: string }>> = {
  'leave-one-out': {
    title: 'What is lost without each owner',
    caption: 'Points of accuracy that the merge of all owners has more than that of the others.',
  },
  shapley: {
    title: 'What each owner contributes',
    caption:
      'Its Shapley value: the points of accuracy that it adds to a coalition of the others, on average over all orders in which owners can come.',
  },
}

/** Of more owners than this, those that contribute least and most are drawn. */
const MAX_OWNERS = 24

/** A figure for each method: what each owner contributes. */
export const contributionFigures = (id: string, remerged: Remerged, of: string): Markup[] =>
  METHODS.flatMap((method) => contributionFigure(`${id}-${method}`, method, remerged, of) ?? [])

function contributionFigure(id: string, method: Method, remerged: Remerged, of: string): Markup | undefined {
  const lines = scoresOf(remerged).flatMap(({ round, rule, contributions }) =>
    contributions.flatMap((one) => (one.method === method ? [{ round, rule, ...one }] : [])),
  )
  // Of the last round that has any: the rule that drove the run, or else the first one.
  const round = Math.max(...lines.map((line) => line.round))
  const atEnd = lines.filter((line) => line.round === round)
  const rule = atEnd.find((line) => line.rule === remerged.driver)?.rule ?? atEnd[0]?.rule
  if (rule === undefined) return undefined
  const own = atEnd.filter((line) => line.rule === rule)
  const byPoints = own.toSorted((a, b) => a.points - b.points)
  const half = MAX_OWNERS / 2
  const shown = own.length <= MAX_OWNERS ? own : [...byPoints.slice(0, half), ...byPoints.slice(-half)]
  const title = `${MEANINGS[method].title}${of}`
  const bars = shown.map(({ owner, points }) => ({
    name: `owner ${owner}`,
    value: points,
    text: signed(points),
    color: points < 0 ? 'miss' : 'hit',
  }))
  const values = shown.map(({ points }) => points)
  const percents = (value: number | undefined) => (value === undefined ? '–' : (100 * value).toFixed(2))
  const rest = lines.length - own.length
  return figure({
    id,
    title,
    caption: html`<p>${MEANINGS[method].caption} Drawn is the rule ${rule}, round ${round}.${rest > 0 && ` The table has ${thousands(rest)} figures more, of other rules or rounds.`}${shown.length < own.length && ` Shown are the ${half} owners that contribute least and the ${half} that contribute most.`}</p>`,
    plots: bothSizes((size) =>
      barChart({
        id: `${id}-${size}`,
        size,
        title,
        desc: bars.map(({ name, text }) => `${name}: ${text} points`).join('; '),
        bars,
        from: 0,
        ...axisWithin([Math.min(0, ...values), Math.max(0.1, ...values)], [-100, 100]),
        tickText: POINTS_AXIS.text,
      }),
    ),
    table: table(
      ['owner', 'rule', 'round', 'without it %', 'points'],
      lines.map((line) => [line.owner, line.rule, line.round, percents(line.without), signed(line.points)]),
    ),
    layout: 'side',
  })
}
