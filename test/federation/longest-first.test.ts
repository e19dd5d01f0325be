import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inTurn } from '../../src/federation/local/in-turn.ts'
import { longestFirst } from '../../src/federation/local/longest-first.ts'

describe('longestFirst', () => {
  it('begins with the longest, and has those at the end that are short', () => {
    // 126 images for two workers: an owner is long from 8/512 of them on, which is 1.97.
    expect(longestFirst([1, 50, 2, 40, 1, 32], 2)).toEqual([1, 3, 5, 2, 0, 4])
  })

  it('leaves owners in their order that differ by little', () => {
    // A part is 60,000 / 512 = 117.2 images: all have 51 of these.
    expect(longestFirst([6000, 6001, 6000, 6002, 6000, 5999, 5998, 6001, 5999, 6000], 2)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ])
    const many = Array.from({ length: 500 }, (_, i) => 100 + (i % 3))
    expect(longestFirst(many, 2)).toEqual([...many.keys()])
  })

  it('has no more early than there is room for their models', () => {
    expect(longestFirst([1, 50, 2, 40, 1, 32], 2, 1)).toEqual([1, 0, 2, 3, 4, 5])
    expect(longestFirst([1, 50, 2, 40, 1, 32], 2, 0)).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('does not hold models for one worker, which is busy in any order', () => {
    expect(longestFirst([1, 50, 2], 1)).toEqual([0, 1, 2])
  })
})

describe('inTurn', () => {
  const cases = fc.nat(12).chain((count) =>
    fc.record({
      starts: fc.shuffledSubarray([...Array(count).keys()], { minLength: count }),
      delays: fc.array(fc.nat(3), { minLength: count, maxLength: count }),
      ahead: fc.integer({ min: 1, max: 4 }),
    }),
  )

  it('gives results by place, in whatever order the work begins, and has few under way', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ starts, delays, ahead }) => {
        const begun: number[] = []
        let running = 0
        const work = async (place: number) => {
          begun.push(place)
          running += 1
          expect(running).toBeLessThanOrEqual(ahead)
          await sleep(delays[place])
          running -= 1
          return place
        }
        const given: number[] = []
        for await (const place of inTurn(starts, work, ahead)) given.push(place)
        expect(given).toEqual([...starts.keys()])
        expect(begun).toEqual(starts)
      }),
      { numRuns: 30 },
    )
  })

  it('stops at a failure, after the results before it, also if those of others are not begun', async () => {
    const begun: number[] = []
    const given: number[] = []
    const work = async (place: number) => {
      begun.push(place)
      await sleep(place === 3 ? 5 : 0)
      if (place === 3) throw new Error('lost')
      return place
    }
    const all = async () => {
      for await (const place of inTurn([0, 3, 1, 2, 4, 5, 6], work, 1)) given.push(place)
    }
    await expect(all()).rejects.toThrow('lost')
    expect(given).toEqual([0])
    expect(begun).toEqual([0, 3])
  })
})
