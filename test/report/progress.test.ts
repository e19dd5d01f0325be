import { describe, expect, it } from 'vitest'
import { duration, percent, thousands } from '../../src/format.ts'
import { PlainProgress } from '../../src/report/terminal/progress.ts'
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
    view.event(started({ rounds: 10 }))
    view.event({ type: 'owner-progress', round: 1, owner: 1, epoch: 1, epochs: 1, images: 5, total: 9, loss: 1 })
    view.event(ownerTrained(1, 1, evaluation(1, 2)))
    view.event(roundFinished(1, [951, 980], { avg: 6449, max: 2714 }))
    view.event(roundFinished(10, [951, 980], { avg: 8650, max: 2714 }))
    view.event({ type: 'finished', rounds: 10, reason: 'rounds', seconds: 80 })
    view.stop()
    expect(lines).toEqual([
      'fetching',
      expect.stringMatching(
        /^round {2}1\/10 {2}local 95\.10 98\.00 {2}avg 64\.49 {2}max 27\.14 {2}8\.4 s, \S+ s left$/,
      ),
      expect.stringMatching(/^round 10\/10 {2}local 95\.10 98\.00 {2}avg 86\.50 {2}max 27\.14 {2}8\.4 s$/),
    ])
  })

  it('tells the spread of more than four owners, and the pooled baseline', () => {
    const { lines, view } = plain()
    view.event(started({ rounds: 1 }))
    const baseline = { ...ownerTrained(1, 0, evaluation(9000, 10_000)), weights: new Map() }
    view.event(roundFinished(1, [400, 100, 500, 200, 250], { avg: 5 }, { baseline }))
    expect(lines[0]).toMatch(/local min 10\.00 median 25\.00 max 50\.00 {2}avg 0\.05 {2}pooled 90\.00 {2}/)
  })

  it('has no figure of owners that share no metrics', () => {
    const { lines, view } = plain()
    view.event(started({ rounds: 3, withoutMetrics: [2] }))
    const round = roundFinished(1, [951, 980], { avg: 6449 })
    const silent = (owner: number) => ({
      ...ownerTrained(1, owner, evaluation(1, 2)),
      loss: undefined,
      local: undefined,
    })
    view.event({ ...round, locals: [round.locals[0]!, silent(2)] })
    view.event({
      ...roundFinished(2, [400, 100, 500, 200], { avg: 5 }),
      locals: [...roundFinished(2, [400, 100, 500, 200], {}).locals, silent(5)],
    })
    const none = [{ merge: 'avg', unified: undefined, evaluatedBy: 0 }]
    view.event({ ...round, round: 3, locals: [1, 2, 3, 4, 5].map(silent), merges: none })
    expect(lines).toEqual([
      expect.stringMatching(/^round 1\/3 {2}local 95\.10 - {2}avg 64\.49 {2}/),
      expect.stringMatching(/^round 2\/3 {2}local min 10\.00 median 30\.00 max 50\.00 {2}avg 0\.05 {2}/),
      expect.stringMatching(/^round 3\/3 {2}local - - - - {2}avg - {2}/),
    ])
  })

  it('is coloured only where colours are wanted', () => {
    const { lines, view } = plain(true)
    view.event(started({ rounds: 1 }))
    view.event(roundFinished(1, [100], { avg: 5 }))
    expect(visible(lines[0]!)).toContain('\x1b[1mavg 0.05\x1b[22m')
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
