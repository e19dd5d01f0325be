import { symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { summaryText } from '../../src/report/terminal/run-text.ts'
import { loadRun } from '../../src/runs/read/load-run.ts'
import { NO_COLORS } from '../../src/visible.ts'
import { fedunify } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { NO_HASHES } from '../support/run-folder.ts'
import { type FakeRun, writeRun } from '../support/written-run.ts'

const before = process.cwd()
beforeEach(() => process.chdir(temporaryFolder()))
afterEach(() => process.chdir(before))

/** The lines behind the verdict, of a run with owners at 92 % and 97 % in its last round. */
async function ending(run: FakeRun = {}, path = 'results/H-avg/2'): Promise<string[]> {
  writeRun(resolve(path), run)
  const text = await summaryText(await loadRun(path), NO_COLORS)
  return text.slice(text.indexOf('unified accuracy')).trimEnd().split('\n')
}

describe('the end of a run', () => {
  it('says its best round, the gaps, why it stopped, and what may come next', async () => {
    const lines = await ending({
      unified: { avg: [0.5, 0.75, 0.7], pooled: [0.8, 0.9, 0.912] },
      reason: 'rounds',
      config: { baseline: 'pooled' },
    })
    expect(lines).toEqual([
      'unified accuracy 70.00 % (avg, round 3)',
      'best round: 2, 75.00 %',
      '27.00 points below the best local model: owner 2, 97.00 % on its own test images',
      '21.20 points below the pooled model: 91.20 %',
      expect.stringMatching(/^all 3 rounds are done( in \d.*)?$/),
      'results/H-avg/2/',
      expect.stringContaining('unified.csv'),
      'next:',
      '  fedunify report results/H-avg/2',
      expect.stringMatching(
        /^ {2}fedunify (compare results\/H-avg\/2 paper|config show results\/H-avg\/2\/config\.yaml)$/,
      ),
    ])
  })

  it('of a single round says so', async () => {
    const lines = await ending({ unified: { avg: [0.5] }, local: [[0.9], [0.95]], reason: 'rounds' })
    expect(lines).toContainEqual(expect.stringMatching(/^its only round is done( in \d.*)?$/))
  })

  it('says that stop-at was reached, and after how many rounds of how many', async () => {
    const lines = await ending({
      unified: { avg: [0.5, 0.75, 0.8] },
      reason: 'stop-at',
      rounds: 9,
      config: { 'stop-at': 0.7 },
    })
    expect(lines).toContain('best round: the last')
    expect(lines.join('\n')).toMatch(/^stopped after 3 of 9 rounds.*: at every owner the accuracy is 0\.7 or more$/m)
  })

  it('names the run before, to compare it with, in a command that works', async () => {
    writeRun(resolve('results/H-avg/1'))
    writeRun(resolve('results/H-avg/3'))
    const lines = await ending()
    expect(lines.at(-1)).toBe('  fedunify compare results/H-avg/1 results/H-avg/2')
    for (const line of lines.slice(-2)) {
      const { code, err } = await fedunify(line.trim().split(' ').slice(1))
      expect([code, err.replace(NO_HASHES, '')]).toEqual([0, ''])
    }
  })

  it('has no line that is wider than the terminal, and no word is broken', async () => {
    writeRun(resolve('results/H-avg/2'))
    const whole = await summaryText(await loadRun('results/H-avg/2'), NO_COLORS)
    const words = (text: string) => text.split(/\s+/)
    for (const width of [60, 80]) {
      const narrow = await summaryText(await loadRun('results/H-avg/2'), NO_COLORS, width)
      expect(narrow.split('\n').filter((line) => line.length > width)).toEqual([])
      expect(words(narrow)).toEqual(words(whole))
    }
  })
})

describe('latest', () => {
  it('means the last run, by link or by file, wherever a run is named', async () => {
    writeRun(resolve('results/H-avg/1'), { unified: { avg: [0.5, 0.6, 0.61] } })
    symlinkSync(join('H-avg', '1'), 'results/latest')
    for (const name of ['latest', 'results/latest', 'results/latest/']) {
      const { code, out } = await fedunify(['compare', name, 'results/H-avg/1'])
      expect([name, code]).toEqual([name, 0])
      expect(out).toContain('A  results/H-avg/1:')
    }
    expect((await fedunify(['report', 'latest'])).out).toBe('results/H-avg/1/report.html\n')
    expect((await fedunify(['run', '--resume', 'latest'])).out).toContain('unified accuracy 61.00 %')
  })
})
