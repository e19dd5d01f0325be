import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Purpose, range, shuffle, stream } from '../src/random.ts'

const draw = (seed: number, purpose: Purpose, ...path: number[]) => {
  const random = stream(seed, purpose, ...path)
  return Array.from({ length: 4 }, () => random.below(2 ** 32))
}

describe('stream', () => {
  it('depends on seed, purpose and path alone', () => {
    expect(draw(7, 'shuffle', 1, 2)).toEqual(draw(7, 'shuffle', 1, 2))
    const streams = [
      draw(7, 'shuffle', 1, 2),
      draw(8, 'shuffle', 1, 2),
      draw(7, 'dropout', 1, 2),
      draw(7, 'shuffle', 2, 1),
      draw(7, 'shuffle', 12),
      draw(7, 'shuffle', 1, 2, 0),
    ]
    expect(new Set(streams.map(String)).size).toBe(streams.length)
  })

  it('does not depend on what other streams have drawn', () => {
    const alone = draw(1, 'weights', 3)
    const one = stream(1, 'weights', 2)
    const three = stream(1, 'weights', 3)
    const mixed = Array.from({ length: 4 }, () => {
      one.uniform()
      return three.below(2 ** 32)
    })
    expect(mixed).toEqual(alone)
  })

  it('gives the numbers that it always gave: runs on record depend on them', () => {
    expect(draw(0, 'partition')).toMatchInlineSnapshot(`
      [
        1759703814,
        3097848452,
        3101787759,
        3366636106,
      ]
    `)
    expect(stream(0, 'weights', 0, 0).uniform()).toMatchInlineSnapshot(`0.28464751570992997`)
  })

  it('stays in its bounds and spreads over them', () => {
    const random = stream(3, 'subset')
    const uniform = Array.from({ length: 4000 }, () => random.uniform())
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...uniform)).toBeLessThan(1)
    expect(uniform.reduce((sum, value) => sum + value, 0) / uniform.length).toBeCloseTo(0.5, 1)
    const counts = new Array<number>(6).fill(0)
    for (let i = 0; i < 6000; i++) counts[random.below(6)]!++
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150)
    expect(random.below(1)).toBe(0)
  })
})

describe('shuffle', () => {
  it('keeps every item, in place', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer(), (count, seed) => {
        const items = range(count)
        expect(shuffle(items, stream(seed, 'shuffle'))).toBe(items)
        expect([...items].sort((a, b) => a - b)).toEqual([...range(count)])
      }),
    )
  })

  it('gives every order of three as often', () => {
    const random = stream(5, 'shuffle')
    const counts = new Map<string, number>()
    for (let i = 0; i < 6000; i++) {
      const order = shuffle(range(3), random).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).toBe(6)
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})
