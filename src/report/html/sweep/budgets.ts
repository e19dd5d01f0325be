import { extent, group } from 'd3-array'
import { differingKeys, valueText } from '../../../runs/read/run-groups.ts'
import { drivingRule } from '../../../runs/run-description.ts'
import { epsilonText } from '../../privacy-text.ts'
import type { RecordGroup } from '../../run-record.ts'
import { bothSizes, figure, table } from '../chart/figure.ts'
import { type Line, lineChart } from '../chart/line-chart.ts'
import { dashedAs, lookOf } from '../chart/marks.ts'
import { PERCENT_AXIS } from '../chart/percent.ts'
import { axisWithin } from '../chart/scale.ts'
import { html, type Markup } from '../markup.ts'
import { shownModel } from '../series.ts'
import { estimateText, type Verdict } from '../verdict.ts'
import { MAX_LINES } from './lines.ts'

/** What a group came to with its noise. */
interface Spent {
  /** Infinite without noise. */
  readonly epsilon: number
  readonly group: RecordGroup
  readonly verdict: Verdict
}

/**
 * Unified accuracy by what privacy costs: a line for each experiment that was run at several ε, clipping without noise at
 * the right. The places are evenly spaced, because ε has no zero to begin at and no end.
 * @param verdicts of the groups, in their order
 * @returns nothing if there are not two ε to compare, or more experiments than a drawing has room for
 */
export function budgetsFigure(
  id: string,
  groups: readonly RecordGroup[],
  verdicts: readonly (Verdict | undefined)[],
): Markup | undefined {
  const spent = groups.flatMap((group, i): Spent[] => {
    const epsilon = epsilonOf(group)
    return epsilon === undefined || !verdicts[i] ? [] : [{ epsilon, group, verdict: verdicts[i] }]
  })
  const places = [...new Set(spent.map(({ epsilon }) => epsilon))].sort((a, b) => a - b)
  const experiments = [...group(spent, (one) => JSON.stringify(withoutPrivacy(one.group))).values()]
  if (places.length < 2 || experiments.length > MAX_LINES) return undefined

  const keys = differingKeys(experiments.map(([first]) => withoutPrivacy(first!.group)))
  const lines = experiments.map((runs, i): Line => {
    const [{ group: one }] = runs as [Spent]
    const name = keys.map((key) => `${key} ${valueText(one.config[key])}`).join(', ') || 'unified'
    const points = runs.map(({ epsilon, verdict: { seeds, unified } }) => {
      const { mean, sd } = unified
      const band = seeds > 1 && { band: [mean - sd, mean + sd] as const }
      return { round: places.indexOf(epsilon), value: mean, ...band }
    })
    const look = dashedAs(lookOf(shownModel(drivingRule(one.runs[0]!))), i)
    return { name, look, points: points.sort((a, b) => a.round - b.round) }
  })
  // All lines and their bands: here no experiment matters more than another.
  const [low = 0, high = 100] = extent(
    lines.flatMap(({ points }) => points.flatMap(({ value, band = [value] }) => [...band])),
  )
  const axis = { ...PERCENT_AXIS, ...axisWithin([low, Math.max(high, low + 1)], [0, 100]) }
  const title = 'Unified accuracy by epsilon'
  const desc = lines
    .map(({ name, points }) => `${name}: ${points.map((p) => p.value.toFixed(2)).join(', ')}`)
    .join('; ')
  const rounds = places.map((_, place) => place)
  const across = { title: 'epsilon', ticks: rounds, text: (place: number) => placeText(places[place]!) }
  const rows = experiments.map((runs, i) => [
    lines[i]!.name,
    ...places.map((place) => {
      const found = runs.find(({ epsilon }) => epsilon === place)
      return found ? estimateText(found.verdict.unified) : ''
    }),
  ])
  const noiseless = places.at(-1) === Number.POSITIVE_INFINITY
  return figure({
    id,
    title,
    caption: html`<p>After the last round. The smaller the epsilon, the less a model tells of ${wordFor(spent)}, and the more noise it has.${noiseless && ' Without noise there is no epsilon: updates are clipped alike.'}${spent.some(({ verdict }) => verdict.seeds > 1) && ' Bands are ± one standard deviation over the seeds.'}</p>`,
    plots: bothSizes((size) =>
      lineChart({ id: `${id}-${size}`, size, title, desc, lines, axis, legend: [], rounds, across }),
    ),
    table: table(['epsilon', ...places.map(placeText)], rows),
    layout: 'side',
  })
}

/** What a group was allowed to spend, or has spent; undefined if it neither clips nor adds noise. */
function epsilonOf({ runs }: RecordGroup): number | undefined {
  const { privacy } = runs[0]!.manifest.config
  if (privacy?.level === undefined) return undefined
  if (privacy.epsilon !== undefined) return privacy.epsilon
  return runs[0]!.privacy?.at(-1)?.epsilon ?? Number.POSITIVE_INFINITY
}

const withoutPrivacy = ({ config: { privacy: _, ...rest } }: RecordGroup) => rest

const placeText = (epsilon: number): string =>
  Number.isInteger(epsilon) ? String(epsilon) : Number.isFinite(epsilon) ? epsilonText(epsilon) : 'no noise'

function wordFor(spent: readonly Spent[]): string {
  const levels = new Set(spent.map(({ group }) => group.runs[0]!.manifest.config.privacy?.level))
  if (levels.size > 1) return 'an owner or an image'
  return levels.has('owner') ? 'an owner' : 'an image'
}
