import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Explained } from '../../src/explain/explain-run.ts'
import { plainExplained } from '../../src/explain/plain.ts'
import { plainTables } from '../../src/remerge/plain.ts'
import type { RecordedScore, Remerged } from '../../src/remerge/remerge-run.ts'
import { barChart } from '../../src/report/html/chart/bars.ts'
import { reportDocument } from '../../src/report/html/document.ts'
import { groupRecords, readRecords } from '../../src/report/run-record.ts'
import { type AnalysisFile, analysisText } from '../../src/runs/analysis.ts'
import { readManifest } from '../../src/runs/manifest.ts'
import { browserForTests, hasBrowser } from '../support/browser.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/invented-run.ts'

const openPage = browserForTests()

const EXPLAINED: Explained = {
  round: 4,
  losses: { unified: 0.6, limited: 0.9, refitted: 0.65, onMap: 0.58, pooled: undefined },
  confused: {
    pairs: [
      { classes: [0, 6], errors: 30, owners: [[1], [2]], apart: true },
      { classes: [2, 4], errors: 10, owners: [[1], [1]], apart: false },
    ],
    errors: 40,
    apart: 30,
    pairsInAll: 45,
    pairsApart: 25,
  },
  opposition: {
    layers: [
      { layer: 'conv1', cosine: 0.5, cancelled: 0.1, kept: 0.9 },
      { layer: 'all layers', cosine: -0.25, cancelled: 0.5, kept: 0.6 },
    ],
    step: 1.25,
  },
  line: {
    owners: [1, 2],
    points: [
      { share: 0, accuracy: 0.4, loss: 2 },
      { share: 0.5, accuracy: 0.6, loss: 1 },
      { share: 1, accuracy: 0.3, loss: Number.NaN },
    ],
  },
  advice: ['try <b>this</b>'],
}

const score = (round: number, rule: string, accuracy: number, more: Partial<RecordedScore> = {}): RecordedScore => ({
  ...{ round, rule, name: rule.split(':')[0]!, accuracy, loss: 0.5, delta: 100 * (accuracy - 0.6), distance: 0.1 },
  ...{ recorded: undefined, contributions: [], ...more },
})
const unused: RecordedScore = {
  round: 4,
  rule: 'krum:f=1',
  name: 'krum',
  reason: 'it needs five',
  recorded: undefined,
  contributions: [],
}
const REMERGED: Remerged = {
  driver: 'avg',
  without: [],
  rows: [
    score(4, 'avg', 0.6, {
      recorded: 0.6,
      contributions: [
        { method: 'shapley', owner: 1, without: undefined, points: 12.5 },
        { method: 'shapley', owner: 2, without: undefined, points: -2.5 },
        { method: 'leave-one-out', owner: 1, without: 0.5, points: 10 },
      ],
    }),
    score(4, 'ties:density=0.2', 0.62),
    unused,
  ],
  notes: [],
}

const put = async (dir: string, name: AnalysisFile, content: object) =>
  writeFileSync(join(dir, name), analysisText(await readManifest(dir), content))

async function analysed(tables: readonly Remerged[] = [REMERGED], seeds: readonly number[] = [0]): Promise<string> {
  const folder = temporaryFolder()
  for (const seed of seeds) {
    const dir = join(folder, `s${seed}`)
    writeRun(dir, { config: { env: 'H', rounds: 4, merge: ['avg', 'max'], seed } })
    await put(dir, 'explain.json', plainExplained(EXPLAINED))
    await put(dir, 'remerge.json', plainTables(tables))
  }
  return folder
}

const page = async (dir: string) => reportDocument(groupRecords(await readRecords([dir])))

/** A figure by its id, and the cells of its data table. */
function figureOf(html: string, id: string) {
  const text = html.slice(html.indexOf(`<figure id="${id}"`))
  const figure = text.slice(0, text.indexOf('</figure>'))
  const rows = figure.split('<tr>').slice(2)
  const cells = rows.map((row) => [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell]) => cell))
  return { figure, cells, desc: /<desc[^>]*>([^<]*)/.exec(figure)![1] }
}

describe('what explain found', () => {
  it('is a figure for each place, with its numbers as a table and in words', async () => {
    const html = await page(await analysed())
    const losses = figureOf(html, 'g1-losses')
    expect(losses.cells).toEqual([
      ['the unified model', '60.00', ''],
      ['if it chooses among the classes of the image’s owner', '90.00', '+30.00'],
      ['with a last layer fitted to its features', '65.00', '+5.00'],
      ['with a last layer fitted to its last map', '58.00', '−2.00'],
    ])
    expect(losses.desc).toBe(
      'The unified model: 60.00\u00a0%. owner’s classes: 90.00 (+30.00); fitted last layer: 65.00 (+5.00); fitted to last map: 58.00 (−2.00).',
    )
    expect(losses.figure).toContain('<li><p>try &lt;b&gt;this&lt;/b&gt;</p></li>')
    const pairs = figureOf(html, 'g1-pairs')
    expect(pairs.cells).toEqual([
      ['T-shirt/top / Shirt', '30', '75.00', 'no', '1', '2'],
      ['Pullover / Coat', '10', '25.00', 'yes', '1', '1'],
    ])
    expect(pairs.desc).toBe(
      'T-shirt/top / Shirt: 30 (75.00\u00a0%), of different owners; Pullover / Coat: 10 (25.00\u00a0%)',
    )
    expect(figureOf(html, 'g1-opposition').cells).toEqual([
      ['conv1', '+0.50', '10.00', '90.00'],
      ['all layers', '−0.25', '50.00', '60.00'],
    ])
    expect(html).toContain('FedExP’s step is 1.25')
    const between = figureOf(html, 'g1-between')
    expect(between.cells).toEqual([
      ['0.0', '2.000', '40.00'],
      ['0.5', '1.000', '60.00'],
      ['1.0', '–', '30.00'],
    ])
    expect(html.match(/.{30}(NaN|undefined|Infinity)/)).toBeNull()
  })

  it('is told for each seed that has it, under ids of their own', async () => {
    const html = await page(await analysed([REMERGED], [0, 1]))
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    expect(ids).toContain('g1-s1-losses')
    expect(new Set(ids).size).toBe(ids.length)
    expect(html).toContain('<h3>Where the accuracy goes, seed 1</h3>')
  })
})

describe('what remerge found', () => {
  it('of one round are bars from what drove the run, and why rules were not used', async () => {
    const html = await page(await analysed())
    const rules = figureOf(html, 'g1-rules')
    expect(rules.cells).toEqual([
      ['avg', '60.00', '60.00', '0.5000', '±0.00', '0.1000'],
      ['ties:density=0.2', '62.00', '–', '0.5000', '+2.00', '0.1000'],
    ])
    expect(rules.desc).toBe('ties: 62.00 (+2.00); avg: 60.00 (driver)')
    expect(rules.figure).toContain('<dt>krum:f=1</dt><dd>it needs five</dd>')
    expect(figureOf(html, 'g1-rules-shapley')).toMatchObject({
      cells: [
        ['1', 'avg', '4', '–', '+12.50'],
        ['2', 'avg', '4', '–', '−2.50'],
      ],
      desc: 'owner 1: +12.50 points; owner 2: −2.50 points',
    })
    expect(figureOf(html, 'g1-rules-leave-one-out').cells).toEqual([['1', 'avg', '4', '50.00', '+10.00']])
  })

  it('of several rounds are lines, and without an owner a figure of its own', async () => {
    const rounds = [1, 2, 3, 4].flatMap((round) => [score(round, 'avg', round / 10), score(round, 'max', 0.3)])
    const without = { ...REMERGED, without: [2], rows: [score(4, 'avg', 0.5)] }
    const html = await page(await analysed([{ ...REMERGED, rows: rounds }, without]))
    const rules = figureOf(html, 'g1-rules')
    expect(rules.cells).toEqual([
      ['1', '10.00', '30.00'],
      ['2', '20.00', '30.00'],
      ['3', '30.00', '30.00'],
      ['4', '40.00', '30.00'],
    ])
    expect(rules.desc).toBe('At the last round: avg 40.00\u00a0%, max 30.00\u00a0%.')
    expect(html).toContain('<h3>Merge rules on the kept weights, without owner 2</h3>')
    expect(html.match(/.{30}(NaN|undefined|Infinity)/)).toBeNull()
  })
})

it('a run that has neither has the page that it had', async () => {
  const dir = await analysed()
  const both = await page(dir)
  for (const file of ['explain.json', 'remerge.json']) writeFileSync(join(dir, 's0', file), '')
  const broken = await page(dir)
  const figures = (html: string) => [...html.matchAll(/<figure id="g1-([\w-]+)"/g)].map(([, id]) => id)
  const own = ['accuracy', 'difference', 'owners', 'loss', 'classes', 'confusion', 'confusions', 'drift', 'shards']
  expect(figures(broken)).toEqual(own)
  expect(figures(both)).toEqual([
    ...own.slice(0, -1),
    'losses',
    'pairs',
    'opposition',
    'between',
    'rules',
    'rules-leave-one-out',
    'rules-shapley',
    'shards',
  ])
  expect(broken).toContain('lacks the figures of explain.json: it is not as it was written.')
})

it('a bar goes from where all begin to its value, to either side', () => {
  const bars = [
    { name: 'a', value: 2, text: '+2', color: 'hit' },
    { name: 'b', value: -1, text: '-1', color: 'miss' },
  ]
  const ticks = [-2, -1, 0, 1, 2]
  const drawn = barChart({
    ...{ id: 'x', size: 'wide', title: 't', desc: 'd', bars, from: 0, domain: [-2, 2], ticks, tickText: String },
  }).text
  const rects = [...drawn.matchAll(/<rect class="cell (\w+)" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)]
  // Names and values have 18.8 and 25.6 units, and 6 are left at both sides: 663.6 for four, the middle at 356.6.
  expect(rects.map(([, color, x, width]) => [color, Number(x), Number(width)])).toEqual([
    ['hit', 356.6, 331.8],
    ['miss', 190.7, 165.9],
  ])
})

it.skipIf(!hasBrowser)(
  'the page with them needs nothing else and complains of nothing',
  async () => {
    const dir = await analysed()
    const file = join(temporaryFolder(), 'page.html')
    writeFileSync(file, await page(dir))
    expect(readFileSync(file, 'utf8').match(/.{30}( style=|@import|url\()/)).toBeNull()
    for (const width of [1200, 380]) {
      const { page: shown, complaints } = await openPage(`file://${file}`, { width })
      const wide = await shown.evaluate('document.documentElement.scrollWidth')
      expect(wide).toBeLessThanOrEqual(width)
      expect(complaints).toEqual([])
    }
  },
  60_000,
)
