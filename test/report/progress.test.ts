import { Writable } from 'node:stream'
import type { WriteStream } from 'node:tty'
import { describe, expect, it } from 'vitest'
import { duration, percent, thousands } from '../../src/format.ts'
import { columns } from '../../src/report/terminal/columns.ts'
import { LiveProgress, PlainProgress } from '../../src/report/terminal/progress.ts'
import { wrap } from '../../src/report/terminal/wrap.ts'
import { COLORS, NO_COLORS, visible } from '../../src/visible.ts'
import { ownerTrained, roundFinished, started } from '../support/events.ts'
import { evaluation } from '../support/fake-owner.ts'

function plain(colors = false) {
  const lines: string[] = []
  return { lines, view: new PlainProgress((line) => lines.push(line), colors ? COLORS : NO_COLORS) }
}

describe('plain progress', () => {
  it('is one line for each round, and none for anything else', () => {
    const { lines, view } = plain()
    view.note('fetching')
    view.event(started({ rounds: 10, merges: ['avg', 'max'] }))
    view.event({ type: 'owner-progress', round: 1, owner: 1, epoch: 1, epochs: 1, images: 5, total: 9, loss: 1 })
    view.event(ownerTrained(1, 1, evaluation(1, 2)))
    view.event(roundFinished(1, [951, 980], { avg: 6449, max: 2714 }))
    view.event(roundFinished(10, [1000, 98], { avg: 8650, max: 979 }))
    view.event({ type: 'finished', rounds: 10, reason: 'rounds', seconds: 80 })
    view.stop()
    expect(lines).toEqual([
      'fetching',
      '             local 1  local 2     avg     max     time     left',
      expect.stringMatching(/^round {2}1\/10 {4}95\.10 {4}98\.00 {3}64\.49 {3}27\.14 {4}8\.4 s {4}\d\.\d s$/),
      'round 10/10   100.00     9.80   86.50    9.79    8.4 s',
    ])
  })

  it('has the head again after twenty rounds', () => {
    const { lines, view } = plain()
    view.event(started({ rounds: 41 }))
    for (let round = 1; round <= 41; round++) view.event(roundFinished(round, [500, 500], { avg: 5000 }))
    const heads = lines.flatMap((line, i) => (line.includes('avg') ? [i] : []))
    expect(heads).toEqual([0, 21, 42])
  })

  it.each([
    [2, 50],
    [2, 500],
    [4, 50],
    [100, 500],
  ])('fits into 80 columns with three merges and the pooled baseline: %d owners, %d rounds', (owners, rounds) => {
    const { lines, view } = plain()
    const merges = ['avg', 'max', 'absmax']
    const numbers = Array.from({ length: owners }, (_, i) => i + 1)
    view.event(started({ owners: numbers, rounds, merges, baseline: true }))
    const baseline = { ...ownerTrained(rounds, 0, evaluation(10_000, 10_000)), weights: new Map() }
    const locals = numbers.map(() => 1000)
    const seconds = { train: 36_000, merge: 10, evaluate: 1 }
    view.event(roundFinished(rounds, locals, { avg: 10_000, max: 5, absmax: 5 }, { baseline, seconds }))
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
    for (const name of [...merges, 'pooled', 'local']) expect(lines[0]).toContain(name)
    expect(lines[1]).toMatch(/100\.00.* 0\.05 +0\.05 +100\.00/)
  })

  it('leaves out times before accuracies, and then the local ones', () => {
    const head = (width: number) => {
      const lines: string[] = []
      const view = new PlainProgress((line) => lines.push(line), NO_COLORS, width)
      view.event(started({ rounds: 2, merges: ['avg', 'max'] }))
      view.event(roundFinished(1, [500, 500], { avg: 5000, max: 5000 }))
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width)
      return lines[0]!.trim().split(/ {2,}/)
    }
    expect(head(80)).toEqual(['local 1', 'local 2', 'avg', 'max', 'time', 'left'])
    expect(head(54)).toEqual(['local 1', 'local 2', 'avg', 'max', 'left'])
    expect(head(45)).toEqual(['local 1', 'local 2', 'avg', 'max'])
    expect(head(34)).toEqual(['avg', 'max', 'left'])
    expect(head(30)).toEqual(['avg', 'max'])
  })

  it('tells the spread of more than four owners, and the pooled baseline', () => {
    const { lines, view } = plain()
    view.event(started({ owners: [1, 2, 3, 4, 5], rounds: 1, baseline: true }))
    const baseline = { ...ownerTrained(1, 0, evaluation(9000, 10_000)), weights: new Map() }
    view.event(roundFinished(1, [400, 100, 500, 200, 250], { avg: 5 }, { baseline }))
    expect(lines).toEqual([
      '           local min  median     max     avg  pooled     time     left',
      'round 1/1      10.00   25.00   50.00    0.05   90.00    8.4 s',
    ])
  })

  it('has no figure of owners that share no metrics', () => {
    const silent = (owner: number) => ({
      ...ownerTrained(1, owner, evaluation(1, 2)),
      loss: undefined,
      local: undefined,
    })
    const two = plain()
    two.view.event(started({ rounds: 3, withoutMetrics: [2] }))
    const round = roundFinished(1, [951, 980], { avg: 6449 })
    two.view.event({ ...round, locals: [round.locals[0]!, silent(2)] })
    expect(two.lines[1]).toMatch(/^round 1\/3 +95\.10 +- +64\.49 +8\.4 s /)

    const five = plain()
    five.view.event(started({ owners: [1, 2, 3, 4, 5], rounds: 3, withoutMetrics: [5] }))
    five.view.event({
      ...roundFinished(2, [400, 100, 500, 200], { avg: 5 }),
      locals: [...roundFinished(2, [400, 100, 500, 200], {}).locals, silent(5)],
    })
    const none = [{ merge: 'avg', unified: undefined, evaluatedBy: 0 }]
    five.view.event({ ...round, round: 3, locals: [1, 2, 3, 4, 5].map(silent), merges: none })
    expect(five.lines.map((line) => line.trim().split(/ {2,}/).slice(0, 5))).toEqual([
      ['local min', 'median', 'max', 'avg', 'time'],
      ['round 2/3', '10.00', '30.00', '50.00', '0.05'],
      ['round 3/3', '-', '-', '-', '-'],
    ])
  })

  it('is coloured only where colours are wanted', () => {
    const { lines, view } = plain(true)
    view.event(started({ rounds: 1 }))
    view.event(roundFinished(1, [100], { avg: 5 }))
    expect(visible(lines[1]!)).toContain('\x1b[1m  0.05\x1b[22m')
  })
})

/** Moves the cursor up. */
const UP = new RegExp(`${'\x1b'}\\[(\\d*)A`, 'g')

describe('live progress', () => {
  /** What is on the screen after each event: the last frame, without colours. */
  function live(columns = 80) {
    const frames: string[] = []
    const stream = new Writable({
      write(chunk, _, done) {
        frames.push(String(chunk))
        done()
      },
    })
    const terminal = Object.assign(stream, { columns, rows: 60, isTTY: true }) as unknown as WriteStream
    return { frames, view: new LiveProgress(terminal, NO_COLORS) }
  }

  it('has a bar for each owner that trains, and its place goes to the next one', () => {
    const { frames, view } = live()
    const owners = Array.from({ length: 20 }, (_, i) => i + 1)
    view.event(started({ owners, rounds: 2 }))
    const report = (owner: number, images: number) =>
      view.event({ type: 'owner-progress', round: 1, owner, epoch: 1, epochs: 1, images, total: 100, loss: 1 })
    // Two workers: never more than two train at a time.
    for (let i = 0; i < 20; i += 2) {
      for (const images of [50, 100]) {
        report(owners[i]!, images)
        report(owners[i + 1]!, images)
      }
    }
    view.stop()
    const shown = frames.join('')
    for (const owner of owners) expect(shown).toContain(`owner ${owner} `)
    expect(shown).toContain('20 of 20 owners are done')
    // A frame is a head, two bars and the line that counts: it moves the cursor up four lines at most.
    const up = [...shown.matchAll(UP)].map(([, lines]) => Number(lines || 1))
    expect(Math.max(...up)).toBeLessThanOrEqual(4)
  })
})

describe('text for a narrow terminal', () => {
  const text = [
    'a line that is short',
    'words words words words words words words words words words',
    '  --option <value>   what it does, in more words than there is room for here',
    '  fedunify run experiments/table4.yaml --set lr=0.05 --set rounds=5    a file with changes',
  ].join('\n')

  it('is broken between words, below the text that it belongs to', () => {
    expect(wrap(text, 44).split('\n')).toEqual([
      'a line that is short',
      'words words words words words words words',
      'words words words',
      '  --option <value>   what it does, in more',
      '                     words than there is',
      '                     room for here',
      // A command stays whole: it is there to be copied.
      '  fedunify run experiments/table4.yaml --set lr=0.05 --set rounds=5',
      '      a file with changes',
    ])
    expect(wrap(text)).toBe(text)
    expect(wrap(COLORS.red('two words'), 9)).toBe(COLORS.red('two words'))
  })

  it('is a table in parts, each with its first column', () => {
    const head = ['', 'train', 'test', '0', '1']
    expect(
      columns(head, [['owner 1', '10', '20', '3,000', '4,000']], 24)
        .split('\n')
        .map((line) => line.trimEnd()),
    ).toEqual(['         train  test', 'owner 1     10    20', '', '             0      1', 'owner 1  3,000  4,000'])
  })
})

describe('numbers for people', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [30_000, '30,000'],
    [1_234_567.8, '1,234,568'],
  ])('thousands of %d: %s', (n, text) => expect(thousands(n)).toBe(text))

  it.each([
    [0, '0.00'],
    [0.8765, '87.65'],
    [1, '100.00'],
    [2 / 3, '66.67'],
  ])('percent of %d: %s', (fraction, text) => expect(percent(fraction)).toBe(text))

  it.each([
    [0, '0.0 s'],
    [8.44, '8.4 s'],
    [9.99, '10 s'],
    [59.4, '59 s'],
    [59.6, '1 min 0 s'],
    [80, '1 min 20 s'],
    [3599.6, '1 h 0 min'],
    [7500, '2 h 5 min'],
    [7199, '1 h 59 min'],
  ])('duration of %d: %s', (seconds, text) => expect(duration(seconds)).toBe(text))
})
