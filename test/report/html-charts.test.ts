import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MERGE_NAMES } from '../../src/algorithm/merge/registry.ts'
import { PAPER_TABLES, paperTableFor } from '../../src/paper/tables.ts'
import { signed } from '../../src/report/html/chart/figure.ts'
import { spread } from '../../src/report/html/chart/labels.ts'
import { type LineChart, lineChart } from '../../src/report/html/chart/line-chart.ts'
import { lookOf } from '../../src/report/html/chart/marks.ts'
import { PERCENT_AXIS } from '../../src/report/html/chart/percent.ts'
import { focusRange, percentAxis, rangeFromZero, roundTicks, thinOut } from '../../src/report/html/chart/scale.ts'
import { type ModelEvaluation, together } from '../../src/report/html/evaluations.ts'
import { classesChart } from '../../src/report/html/figure/classes.ts'
import { differenceMatrix, shade, shareMatrix } from '../../src/report/html/figure/matrix.ts'
import { html } from '../../src/report/html/markup.ts'
import { DEEP, SHADES, THEMES } from '../../src/report/html/style/theme.ts'

describe('markup', () => {
  it('escapes every value, in text and in attributes, and keeps what is markup', () => {
    const nasty = `<script>"&'\u0000`
    expect(html`<p title="${nasty}">${nasty}${html`<b>${1}</b>`}${[nasty, false, undefined]}</p>`.text).toBe(
      '<p title="&lt;script&gt;&quot;&amp;&#39;">&lt;script&gt;&quot;&amp;&#39;<b>1</b>&lt;script&gt;&quot;&amp;&#39;</p>',
    )
  })

  it('signs numbers', () => {
    expect([signed(1.234), signed(-1.2), signed(0.001), signed(-0.001)]).toEqual(['+1.23', '−1.20', '±0.00', '±0.00'])
  })
})

describe('scales', () => {
  it('label rounds at both ends and at round numbers', () => {
    expect(roundTicks(1, 50, 9)).toEqual([1, 10, 20, 30, 40, 50])
    expect(roundTicks(1, 5, 9)).toEqual([1, 2, 3, 4, 5])
    expect(roundTicks(1, 1, 9)).toEqual([1])
    expect(roundTicks(1, 100_000, 6).length).toBeLessThanOrEqual(7)
  })

  it('an accuracy axis holds every value', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 100, noNaN: true })), (values) => {
        const { domain, ticks } = percentAxis(values)
        expect(domain[1]).toBe(100)
        expect(domain[0]).toBeGreaterThanOrEqual(0)
        for (const value of values) expect(value).toBeGreaterThanOrEqual(domain[0])
        expect(ticks.at(-1)).toBe(100)
        expect(ticks.length).toBeLessThanOrEqual(7)
      }),
    )
  })

  it('an axis shows the range of the rule that drives, and of what ends near it', () => {
    const steps = (from: number, to: number) => Array.from({ length: 50 }, (_, i) => to - (to - from) * 0.8 ** i)
    const [low, high] = focusRange(steps(10, 92), [steps(20, 92.5), steps(5, 11)])
    expect(low).toBeGreaterThan(60)
    expect(high).toBeCloseTo(92.5, 1)
    // A short run is shown whole.
    expect(focusRange([10, 60, 70], [])).toEqual([10, 70])
    expect(rangeFromZero([-1, 0.5])).toEqual([-1, 0.5])
    expect(rangeFromZero([])).toEqual([-0.1, 0])
  })

  it('labels are moved apart and stay in order and in bounds', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { maxLength: 12 }), (wanted) => {
        const sorted = wanted.toSorted((a, b) => a - b)
        const placed = spread(sorted, 14, [0, 300])
        placed.forEach((y, i) => {
          expect(y).toBeGreaterThanOrEqual(-1e-9)
          expect(y).toBeLessThanOrEqual(300 + 1e-9)
          if (i > 0) expect(y - placed[i - 1]!).toBeGreaterThan(14 - 1e-9)
        })
      }),
    )
    expect(spread([100, 200], 14, [0, 300])).toEqual([100, 200])
  })

  it('thins out rounds but keeps the first three and the last', () => {
    const rounds = Array.from({ length: 1000 }, (_, i) => i + 1)
    const thin = thinOut(rounds, 200)
    expect(thin.length).toBeLessThan(210)
    expect([...thin.slice(0, 4), thin.at(-1)]).toEqual([1, 2, 3, 5, 1000])
    expect(thinOut([1, 2], 200)).toEqual([1, 2])
  })
})

const point = (round: number, value: number) => ({ round, value })

it('gives every merge rule a look of its own', () => {
  const looks = MERGE_NAMES.map((name) => lookOf({ name, kind: 'unified' }))
  expect(new Set(looks.map(({ color, shape }) => `${color} ${shape}`)).size).toBe(MERGE_NAMES.length)
})

describe('line chart', () => {
  const avg = lookOf({ name: 'avg', kind: 'unified' })
  const base: LineChart = {
    id: 'x',
    size: 'wide',
    title: 'Accuracy <by> round',
    desc: 'd',
    axis: { ...PERCENT_AXIS, domain: [30, 100], ticks: [40, 60, 80, 100] },
    lines: [
      { name: 'avg', look: avg, points: [point(1, 40), point(2, 80)] },
      { name: 'pooled', look: lookOf({ name: 'pooled', kind: 'pooled' }), points: [point(1, 50), point(2, 90)] },
    ],
    paper: [{ label: '5,000', marks: [{ look: avg, value: 78.68 }] }],
    legend: [],
    rounds: [1, 2],
  }

  it('draws unified thick with marks, pooled dashed, references hollow, names with values at the ends', () => {
    const svg = lineChart(base).text
    expect(svg).toMatch(
      /<g class="c1" data-series="avg"><path class="line" d="M[^"]+" stroke-width="2.5"\/><path class="solid"/,
    )
    expect(svg).toMatch(/data-series="pooled"><path class="line" d="M[^"]+" stroke-width="1.75" stroke-dasharray="8 5"/)
    expect(svg.match(/class="hollow c1"/g)).toHaveLength(1)
    // What lies inside the range has no arrow, and no leader runs from a line to its name.
    expect(svg).not.toMatch(/class="(edge|lead)/)
    expect(svg).toContain('>avg 80.00</text>')
    expect(svg).toContain('<title id="x-t">Accuracy &lt;by&gt; round</title>')
    // Two rounds and the paper's last row.
    expect(/data-stops="([^"]+)"/.exec(svg)![1]!.split(' ')).toHaveLength(3)
    expect(svg).not.toMatch(/NaN|undefined|Infinity| style=/)
  })

  it('marks what lies outside the range at its edge, and says how far it goes', () => {
    const svg = lineChart({ ...base, axis: { ...base.axis, domain: [75, 100], ticks: [75, 100] } }).text
    expect(svg).toContain('outliers below, down to 40.00 (avg, round 1)')
    // avg and pooled in round 1, one above the other, and the sample in the legend.
    const edges = [...svg.matchAll(/class="edge (\w+)" d="M[\d.]+ ([\d.]+)h8/g)].slice(1)
    expect(edges.map(([, color]) => color)).toEqual(['c1', 'pooled'])
    expect(Number(edges[0]![2]) - Number(edges[1]![2])).toBe(7)
    const below = lineChart({
      ...base,
      axis: { ...base.axis, domain: [80, 100], ticks: [80, 100] },
      lines: base.lines.slice(1),
    })
    expect(below.text.match(/<title>78.68<\/title>.*?class="edge c1"/s)).not.toBeNull()
  })

  it('marks of the paper stand beside each other', () => {
    const marks = ['avg', 'max', 'absmax'].map((name) => ({ look: lookOf({ name, kind: 'unified' }), value: 78 }))
    const svg = lineChart({ ...base, paper: [{ label: '5,000', marks }] }).text
    const at = [...svg.matchAll(/class="hollow c\d" transform="translate\(([\d.]+) /g)].map(([, x]) => Number(x))
    expect(at.map((x) => Math.round(x - at[0]!))).toEqual([0, 12, 24])
  })

  it('draws a single round, and bands', () => {
    const lines = [{ name: 'avg', look: avg, points: [{ ...point(1, 40), band: [30, 50] as const }] }]
    const svg = lineChart({ ...base, lines, paper: [], rounds: [1], size: 'narrow' }).text
    expect(svg).toContain('class="band c1"')
    expect(svg).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('higher accuracy is higher on the page', () => {
    const [, from, to] = /data-series="avg"><path class="line" d="M[^,]+,([\d.]+)L[^,]+,([\d.]+)"/.exec(
      lineChart(base).text,
    )!
    expect(Number(to)).toBeLessThan(Number(from))
  })
})

describe('confusion', () => {
  const model = { name: 'avg', kind: 'unified', images: 10, correct: 7, classes: 2, confusion: [4, 1, 2, 3] } as const

  it('writes share and count into each cell and says what it is', () => {
    const svg = shareMatrix({ id: 'c', size: 'wide', title: 'avg', model, names: ['cat', 'dog'] }).text
    expect([...svg.matchAll(/ count"[^>]*>(\d+)</g)].map(([, count]) => Number(count))).toEqual([4, 1, 2, 3])
    expect([...svg.matchAll(/ share"[^>]*>([\d.]+)</g)].map(([, share]) => share)).toEqual([
      '80.0',
      '20.0',
      '40.0',
      '60.0',
    ])
    expect(svg).toContain('<title>cat taken for dog: 1 of 5, 20.0\u00a0%</title>')
    expect(svg).toContain('The commonest mistakes: dog taken for cat (2), cat taken for dog (1).')
    expect(svg).toContain('70.00\u00a0% of 10')
  })

  it('is shown as a difference to another one, without rows of classes that were not tested', () => {
    const other = { ...model, name: 'owner 1', kind: 'local', images: 5, correct: 5, confusion: [5, 0, 0, 0] } as const
    const svg = differenceMatrix({ id: 'd', title: 'owner 1', model: other, base: model, names: ['cat', 'dog'] }).text
    // 100 % of the cats instead of 80 %, and none of them taken for dogs instead of 20 %: both are better.
    expect(svg).toContain('<title>cat taken for cat: +20.0 points</title><rect class="cell hit')
    expect(svg).toContain('<title>cat taken for dog: −20.0 points</title><rect class="cell hit')
    expect(svg).not.toContain('dog taken for')
    const worse = differenceMatrix({ id: 'd', title: 'avg', model, base: other, names: ['cat', 'dog'] }).text
    expect(worse).toContain('<title>cat taken for cat: −20.0 points</title><rect class="cell miss')
  })

  it('shades grow with the share, and are deep above a half', () => {
    const levels = [0.001, 0.02, 0.1, 0.3, 0.5, 0.51, 0.8, 1].map(shade)
    expect(levels).toEqual(levels.toSorted((a, b) => a - b))
    expect([levels[0], levels[4], levels[5], levels[7]]).toEqual([1, DEEP - 1, DEEP, SHADES.length - 1])
  })

  it('accuracies by class have an axis that begins below the lowest of them', () => {
    const labels = (models: readonly ModelEvaluation[]) => {
      const { text } = classesChart('c', 'wide', models, ['cat', 'dog'])
      return [...text.matchAll(/class="tick"[^>]*>(\d+)/g)].map(([, label]) => Number(label))
    }
    // 100 and 80 %
    expect(labels([{ ...model, correct: 9, confusion: [5, 0, 1, 4] }])).toEqual([75, 80, 85, 90, 95, 100])
    expect(labels([model, { ...model, name: 'owner 1', kind: 'local', owner: 1, confusion: [0, 5, 0, 5] }])).toEqual([
      0, 20, 40, 60, 80, 100,
    ])
  })

  it('says which accuracies by class are only in the data table', () => {
    const desc = (...others: string[]) => {
      const models = [model, ...others.map((name) => ({ ...model, name }))]
      return /<desc[^>]*>(.*?)<\/desc>/.exec(classesChart('c', 'wide', models, ['cat', 'dog']).text)![1]
    }
    expect(desc()).toMatch(/ The data table has all values\.$/)
    expect(desc('max')).toMatch(/ max is only in the data table\.$/)
    expect(desc('max', 'absmax')).toMatch(/ max and absmax are only in the data table\.$/)
    expect(desc('max', 'absmax', 'sum')).toMatch(/ max, absmax and sum are only in the data table\.$/)
  })

  it('adds up local models', () => {
    expect(together([model, model])).toMatchObject({ images: 20, correct: 14, confusion: [8, 2, 4, 6] })
  })
})

/** WCAG 2 contrast of two colours given as [r, g, b] in 0-255. */
function contrast(a: readonly number[], b: readonly number[]): number {
  const luminance = (rgb: readonly number[]) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
  }
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (light! + 0.05) / (dark! + 0.05)
}
const rgb = (hex: string) => [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16))

describe.each(['light', 'dark'] as const)('the %s theme', (name) => {
  const theme = THEMES[name]

  it('is readable: text 4.5, lines 3', () => {
    const texts = ['ink', 'muted', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'local'] as const
    for (const color of texts) expect(contrast(rgb(theme[color]), rgb(theme.page)), color).toBeGreaterThanOrEqual(4.5)
    expect(contrast(rgb(theme.ink), rgb(theme.wash))).toBeGreaterThanOrEqual(4.5)
    expect(contrast(rgb(theme.pooled), rgb(theme.page))).toBeGreaterThanOrEqual(3)
  })

  it('numbers are readable on every shade', () => {
    for (const color of ['hit', 'miss'] as const) {
      SHADES.forEach((opacity, level) => {
        const cell = rgb(theme[color]).map((c, i) => c * opacity + rgb(theme.page)[i]! * (1 - opacity))
        const text = rgb(level >= DEEP ? theme.over : theme.ink)
        expect(contrast(text, cell), `${color} ${level}`).toBeGreaterThanOrEqual(4.5)
      })
    }
  })
})

describe("the paper's tables", () => {
  it('are found by environment', () => {
    expect(paperTableFor('V')?.number).toBe(3)
    expect(paperTableFor('H')?.rows.at(-1)).toMatchObject({ round: 5000, avg: 78.68, max: 71.49, absmax: 70.73 })
    expect(paperTableFor('dirichlet')).toBeUndefined()
    for (const { rows } of PAPER_TABLES) expect(rows.map(({ round }) => round)).toEqual([1, 2, 3, 5000])
  })
})
