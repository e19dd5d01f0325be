import { describe, expect, it } from 'vitest'
import { drawnCount, drawnOwners } from '../../src/federation/drawn-owners.ts'

const owners = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

describe('how many owners train in a round', () => {
  it.each([
    [{ fraction: 0.1 }, 10, 1],
    [{ fraction: 0.3 }, 10, 3],
    // A little below 29 in floating point.
    [{ fraction: 0.29 }, 100, 29],
    [{ fraction: 0.25 }, 10, 3],
    [{ fraction: 0.24 }, 10, 2],
    [{ fraction: 0.001 }, 20, 1],
    [{ fraction: 1 }, 7, 7],
    [{ count: 20 }, 100, 20],
  ])('%j of %d is %d', (participants, all, expected) => {
    expect(drawnCount(participants, all)).toBe(expected)
  })
})

describe('which owners train in a round', () => {
  const drawn = (seed: number, round: number, count: number, all = 10) =>
    drawnOwners({ seed, participants: { count } }, owners(all), round)

  it('is all of them if nothing is drawn', () => {
    expect(drawnOwners({ seed: 1 }, [3, 5], 1)).toEqual([3, 5])
    expect(drawn(1, 1, 10)).toEqual(owners(10))
  })

  it('follows from seed and round, and is in the owners’ order', () => {
    const rounds = owners(20).map((round) => drawn(7, round, 3))
    expect(rounds).toEqual(owners(20).map((round) => drawn(7, round, 3)))
    expect(new Set(rounds.map(String)).size).toBeGreaterThan(10)
    expect(rounds).not.toEqual(owners(20).map((round) => drawn(8, round, 3)))
    for (const one of rounds) expect(one).toEqual([...new Set(one)].sort((a, b) => a - b))
  })

  it('takes every pair of four equally often: 500 of 3000, within five standard deviations of 20.4', () => {
    const counts = new Map<string, number>()
    for (const round of owners(3000)) {
      const pair = drawn(1, round, 2, 4).join()
      counts.set(pair, (counts.get(pair) ?? 0) + 1)
    }
    expect([...counts.keys()].sort()).toEqual(['1,2', '1,3', '1,4', '2,3', '2,4', '3,4'])
    for (const [pair, count] of counts) expect(Math.abs(count - 500), pair).toBeLessThan(102)
  })
})
