import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { reportDocument } from '../../src/report/html/document.ts'
import { drawingsOf } from '../../src/report/html/drawings.ts'
import { groupRecords, readRecords } from '../../src/report/run-record.ts'
import { writeReport } from '../../src/report/write-report.ts'
import { runBinary } from '../support/binary.ts'
import { browserForTests, hasBrowser } from '../support/browser.ts'
import { workshop } from '../support/experiment.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeRun } from '../support/invented-run.ts'

const openPage = browserForTests()
const { experiment, folder } = workshop()
const results = join(folder, 'results')

describe('the report at the end', () => {
  it('is in the folder of a run, and says so, unless it is not wanted', async () => {
    const file = experiment('told', { env: 'V', rounds: 2 })
    const { code, err, out } = await runBinary(['run', file, '--run-id', 'a'])
    const page = join(results, 'told', 'a', 'report.html')
    expect([code, err.split('\n').at(-2)]).toEqual([0, `report: ${page}`])
    expect(out).toContain('report.html')
    expect(readFileSync(page, 'utf8')).toContain('<h1>told: avg, 2 owners, environment V</h1>')
    const without = await runBinary(['run', file, '--run-id', 'b', '--no-report'])
    expect([without.code, without.err.includes('report')]).toEqual([0, false])
    expect(existsSync(join(results, 'told', 'b', 'report.html'))).toBe(false)
  })

  it('of a batch is in the folder of each experiment, about all of its runs', async () => {
    const file = experiment('study', { env: 'V', rounds: 1, matrix: { 'weight-decay': [0, 0.001] } })
    const { code, out } = await runBinary(['batch', file, '--quiet'])
    const page = join(results, 'study', 'report.html')
    expect(code).toBe(0)
    expect(out).toContain(`${join(results, 'study', 'summary.csv')}\n${page}\n`)
    expect(readFileSync(page, 'utf8')).toContain('<h1>study: 2 experiments</h1>')
    const again = await runBinary(['batch', file, '--quiet', '--no-report'])
    expect([again.code, again.out.includes('report.html')]).toEqual([0, false])
  })

  it('fails nobody if it cannot be written', async () => {
    const run = join(temporaryFolder(), 'run')
    writeRun(run)
    mkdirSync(join(run, 'report.html', 'full'), { recursive: true })
    const notes: string[] = []
    expect(
      await writeReport(
        () => readRecords([run]),
        run,
        (line) => notes.push(line),
      ),
    ).toBeUndefined()
    expect(notes).toEqual([expect.stringMatching(/^note: no report was written: .*report\.html/)])
  })
})

describe('a drawing of a report', () => {
  const drawings = async () => {
    const dir = temporaryFolder()
    writeRun(join(dir, 'a'), { config: { env: 'H', rounds: 5, merge: ['avg', 'max'] } })
    return drawingsOf(reportDocument(groupRecords(await readRecords([dir]))))
  }

  it('is a file that needs nothing else', async () => {
    const all = await drawings()
    expect([...all.keys()]).toEqual(
      ['accuracy', 'difference', 'owners', 'loss', 'classes', 'confusion', 'drift', 'shards'].map((id) => `g1-${id}`),
    )
    for (const text of all.values()) {
      expect(text).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" .*<\/svg>\n$/s)
      expect(text.match(/<svg/g)).toHaveLength(text.match(/<\/svg>/g)!.length)
      expect(text).not.toMatch(/data-stops|href|@import|url\(/)
    }
    expect(await drawings()).toEqual(all)
  })

  it.skipIf(!hasBrowser)(
    'is drawn in the theme of the reader',
    async () => {
      const file = join(temporaryFolder(), 'a.svg')
      writeFileSync(file, (await drawings()).get('g1-accuracy')!)
      for (const [dark, color] of [
        [false, 'rgb(11, 95, 165)'],
        [true, 'rgb(103, 181, 243)'],
      ] as const) {
        const { page, complaints } = await openPage(`file://${file}`, { dark })
        const stroke = `getComputedStyle(document.querySelector('[data-series=avg] .line')).stroke`
        expect(await page.evaluate(stroke)).toBe(color)
        expect(complaints).toEqual([])
      }
    },
    60_000,
  )
})
