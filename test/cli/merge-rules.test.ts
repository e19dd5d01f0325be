import { describe, expect, it } from 'vitest'
import { fedunify } from '../support/command-line.ts'
import { workshop } from '../support/experiment.ts'

const { experiment } = workshop()

describe('a rule that is another one in disguise', () => {
  it.each([
    ['median', { owners: 2 }, 'merge median: the median of 2 is their mean, which is the rule avg'],
    ['trimmed-mean', { owners: 9 }, 'merge trimmed-mean: beta 0.1 trims none of 9 owners, which is the rule avg'],
  ])('%s is refused before anything is loaded or written', async (rule, settings, message) => {
    const file = experiment('disguise', { ...settings, merge: ['avg', rule] })
    for (const args of [[file], [file, '--dry-run']]) {
      const { code, out, err } = await fedunify(['run', ...args])
      expect({ code, out }).toEqual({ code: 2, out: '' })
      expect(err).toBe(`error: ${message}\nhint: use that rule, other options or another number of owners\n`)
    }
  })
})

it('median and trimmed-mean run beside avg, on the same local models', { timeout: 120_000 }, async () => {
  const merge = ['avg', 'median', 'trimmed-mean']
  const file = experiment('robust', { owners: 10, rounds: 1, merge })
  const { code, out } = await fedunify(['run', file, '--json'])
  expect(code).toBe(0)
  const finished = out.split('\n').find((line) => line.includes('"round-finished"'))
  const { merges } = JSON.parse(finished!) as { merges: { merge: string; unified: { correct: number } }[] }
  expect(merges.map((one) => one.merge)).toEqual(merge)
  for (const { unified } of merges) expect(unified.correct).toBeGreaterThan(0)
})
