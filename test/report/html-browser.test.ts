import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { PAPER_TABLES } from '../../src/paper/tables.ts'
import { reportDocument } from '../../src/report/html/document.ts'
import { groupRecords, readRecords } from '../../src/report/run-record.ts'
import { readTables } from '../../src/runs/read/read-tables.ts'
import { browserForTests, hasBrowser, type View } from '../support/browser.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/invented-run.ts'

const openPage = browserForTests()

const H = { env: 'H', rounds: 5, merge: ['avg', 'max', 'absmax'], baseline: 'pooled' }

/** The report of invented runs, opened. */
async function open(options: View & { seeds?: number } = {}) {
  const dir = temporaryFolder()
  const { seeds = 1, ...view } = options
  for (let seed = 0; seed < seeds; seed++) writeRun(join(dir, `s${seed}`), { config: { ...H, seed } })
  const file = join(dir, 'report.html')
  writeFileSync(file, reportDocument(groupRecords(await readRecords([dir]))))
  return { dir, ...(await openFile(file, view)) }
}

const openFile = (file: string, view: View) => openPage(pathToFileURL(file).href, view)

const cells = (page: Page, selector: string): Promise<string[][]> =>
  page.$$eval(`${selector} tbody tr`, (rows) =>
    rows.map((row) => [...row.children].map((cell) => cell.textContent ?? '')),
  )

describe.skipIf(!hasBrowser)('in a browser', { timeout: 60_000 }, () => {
  it('the figures are there and their numbers are those of the CSVs', async () => {
    const { dir, page, complaints } = await open()
    const shown = await page.$$eval('figure svg.chart', (all) => all.filter((svg) => svg.clientWidth > 0).length)
    // Accuracy, difference, owners, loss, classes, a matrix and five differences to it, drift, shards.
    expect(shown).toBe(13)

    const { table, unified, local } = await readTables(join(dir, 's0'), new Set())
    const rows = await cells(page, '#g1-accuracy')
    const [head = [], ...lines] = table
    const columns = ['avg', 'max', 'absmax', 'pooled', 'local_1', 'local_2'].map((name) => head.indexOf(name))
    const expected = lines.map((line) => [line[0]!, ...columns.map((column) => line[column]!)])
    expect(rows.slice(0, -1).map((row) => row.slice(0, 7))).toEqual(expected)
    const paper = PAPER_TABLES[1]!.rows.map((row) => [row.avg, row.max, row.absmax].map((x) => x.toFixed(2)))
    expect([...rows.slice(0, 3), rows.at(-1)!].map((row) => row.slice(7))).toEqual(paper)

    const end = unified.filter(({ merge }) => merge === 'avg').at(-1)!
    expect(await page.textContent('[data-verdict=unified]')).toBe(`${(100 * end.accuracy!).toFixed(2)}%`)
    const ours = await page.$$eval('#g1-paper tbody .ours', (all) => all.map((one) => one.textContent))
    const percent = (fraction = Number.NaN) => (100 * fraction).toFixed(2)
    const first = [...local.slice(0, 2).map((r) => r.local_accuracy), ...unified.slice(0, 3).map((r) => r.accuracy)]
    expect(ours.slice(0, 6)).toEqual(['1', ...first.map(percent)])
    expect(complaints).toEqual([])
  })

  it('hovering and arrow keys show the values of a round', async () => {
    const { page, complaints } = await open()
    const tip = page.locator('#g1-accuracy .tip')
    const rows = await cells(page, '#g1-accuracy')
    const stops = await page.$eval('#g1-accuracy svg.wide', (svg) => {
      const box = svg.getBoundingClientRect()
      const scale = box.width / Number(svg.getAttribute('viewBox')!.split(' ')[2])
      return String(svg.getAttribute('data-stops'))
        .split(' ')
        .map((stop: string) => box.left + Number(stop) * scale)
    })
    const box = (await page.locator('#g1-accuracy .pointer').boundingBox())!
    for (const [i, x] of stops.entries()) {
      await page.mouse.move(x + 3, box.y + 100)
      const shown = await tip.locator('td').allTextContents()
      expect(shown).toEqual(rows[i]!.slice(1).filter((cell) => cell !== ''))
    }
    expect(await tip.locator('strong').textContent()).toBe('paper’s epoch 5,000')
    await page.mouse.move(0, 0)
    expect(await tip.isVisible()).toBe(false)

    await page.locator('#g1-accuracy .pointer').focus()
    await page.keyboard.press('Home')
    await page.keyboard.press('ArrowRight')
    expect(await tip.locator('strong').textContent()).toBe('round 2')
    const said = await page.getAttribute('#g1-accuracy .pointer', 'aria-valuetext')
    expect(said).toContain(`round 2: avg ${rows[1]![1]}, max ${rows[1]![2]}`)
    await page.keyboard.press('Escape')
    expect(await tip.isVisible()).toBe(false)
    expect(complaints).toEqual([])
  })

  it('figures are saved as SVG that stands alone, and as PNG, both light', async () => {
    const { dir, page, complaints } = await open({ dark: true })
    const save = async (selector: string) => {
      const [download] = await Promise.all([page.waitForEvent('download'), page.locator(selector).first().click()])
      const file = join(dir, download.suggestedFilename())
      await download.saveAs(file)
      return file
    }
    const svg = readFileSync(await save('#g1-accuracy [data-export=svg]'), 'utf8')
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/)
    expect(svg).toContain('stroke="rgb(11, 95, 165)"')
    expect(svg).not.toMatch(/class=|var\(|style=/)
    for (const figure of ['accuracy', 'classes', 'confusion', 'drift', 'shards']) {
      const png = await save(`#g1-${figure} [data-export=png]`)
      expect(png).toMatch(/\.png$/)
      expect(statSync(png).size).toBeGreaterThan(5000)
      expect(readFileSync(png).subarray(1, 4).toString()).toBe('PNG')
    }
    expect(await page.evaluate('document.documentElement.className')).toBe('js')
    expect(complaints).toEqual([])
  })

  it('follows the theme, prints light, and shades seeds', async () => {
    const background = (page: Page) => page.evaluate('getComputedStyle(document.body).backgroundColor')
    const { page, complaints } = await open({ dark: true, seeds: 2 })
    expect(await background(page)).toBe('rgb(20, 23, 26)')
    expect(await page.locator('#g1-accuracy svg.wide .band').count()).toBeGreaterThan(4)
    await page.emulateMedia({ colorScheme: 'light' })
    expect(await background(page)).toBe('rgb(253, 253, 251)')
    await page.emulateMedia({ colorScheme: 'dark', media: 'print' })
    expect(await background(page)).toBe('rgb(253, 253, 251)')
    expect(await page.locator('.tools').first().isVisible()).toBe(false)
    // Only chapters of several experiments begin a page; a caption stays with its drawing, a run on its line.
    const style = (selector: string, property: string) =>
      page.evaluate(`getComputedStyle(document.querySelector('${selector}')).getPropertyValue('${property}')`)
    for (const block of ['paper', 'manifest']) expect(await style(`#g1-${block}`, 'break-before')).toBe('auto')
    expect(await style('#g1-confusion figcaption', 'break-after')).toBe('avoid')
    const heights = await page.$$eval('#g1-manifest tbody tr', (rows) => rows.map((row) => row.clientHeight))
    expect(Math.max(...heights)).toBeLessThan(30)
    expect(complaints).toEqual([])
  })

  it('a matrix turns into counts', async () => {
    const { page, complaints } = await open()
    const figure = page.locator('#g1-confusion')
    const shown = () =>
      figure
        .locator('svg.wide g text')
        .evaluateAll((all) => all.filter((one) => one.getClientRects().length > 0).map((one) => one.textContent))
    const shares = (await shown()).filter((text) => /\d/.test(text!))
    await figure.locator('[data-toggle]').click()
    const counts = (await shown()).filter((text) => /\d/.test(text!))
    expect(await figure.locator('[data-toggle]').getAttribute('aria-pressed')).toBe('true')
    const row = (await cells(page, '#g1-confusion'))[0]!.slice(1).filter((count) => count !== '0')
    expect(counts.slice(0, 2)).toEqual(row)
    expect(shares.slice(0, 2)).toEqual(row.map((count) => ((100 * Number(count)) / 40).toFixed(1)))
    expect(complaints).toEqual([])
  })

  it('a sweep of fifty is a sortable table, small drawings, and chapters that open where a link leads', async () => {
    const dir = temporaryFolder()
    for (let i = 0; i < 50; i++) {
      const lr = [0.1, 0.05, 0.01, 0.2, 0.5][i % 5]
      const config = { env: 'V', rounds: 3, merge: [i % 2 ? 'avg' : 'max'], lr, batch: 2 ** (3 + Math.floor(i / 10)) }
      writeRun(join(dir, `r${String(i).padStart(2, '0')}`), { config })
    }
    const file = join(dir, 'report.html')
    writeFileSync(file, reportDocument(groupRecords(await readRecords([dir]))))
    const { page, complaints } = await openFile(file, { width: 390 })
    const table = '#verdict'
    const column = async (name: string) => {
      const heads = await page.locator(`${table} thead th`).allTextContents()
      return (await cells(page, table)).map((row) => row[heads.indexOf(name)]!)
    }
    expect(await page.locator('.multiples svg.chart').count()).toBe(50)
    expect(await page.locator('nav.contents a').count()).toBe(50)
    await page.locator(`${table} thead button`, { hasText: 'lr' }).click()
    const falling = (await column('lr')).map(Number)
    expect(falling).toEqual(falling.toSorted((a, b) => b - a))
    await page.locator(`${table} thead button`, { hasText: 'lr' }).click()
    expect((await column('lr'))[0]).toBe('0.01')
    expect(await page.locator(`${table} thead [aria-sort]`).getAttribute('aria-sort')).toBe('ascending')
    // It is wider than a phone, and says so; the page is not.
    expect(await page.locator(`${table} .scroll`).getAttribute('class')).toContain('cut')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    expect(await page.locator('#g7-accuracy').isVisible()).toBe(false)
    await page.locator('nav.contents a[href="#g7"]').click()
    await page.locator('#g7-accuracy').waitFor()
    expect(complaints).toEqual([])
  })

  it('prints the chapters of a few experiments whole, and folds them again', async () => {
    const dir = temporaryFolder()
    for (const lr of [0.1, 0.05]) writeRun(join(dir, `lr${lr}`), { config: { ...H, lr } })
    const file = join(dir, 'report.html')
    writeFileSync(file, reportDocument(groupRecords(await readRecords([dir]))))
    const { page, complaints } = await openFile(file, {})
    const open = () => page.locator('details.chapter[open]').count()
    expect(await open()).toBe(0)
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(await open()).toBe(2)
    await page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(await open()).toBe(0)
    expect(complaints).toEqual([])
  })

  it('fits any width, and works without its script', async () => {
    const { page } = await open({ width: 360, script: false })
    for (const width of [360, 640, 800, 1099, 1100, 1400]) {
      await page.setViewportSize({ width, height: 900 })
      const [scroll, visible] = await page.$$eval('html, #g1-accuracy svg.chart', ([html, ...charts]) => [
        html!.scrollWidth,
        charts.filter((svg) => svg.clientWidth > 0).length,
      ])
      expect([scroll, visible]).toEqual([width, 1])
    }
    expect(await page.locator('.tools').first().isVisible()).toBe(false)
  })
})
