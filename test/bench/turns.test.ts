import { expect, it } from 'vitest'

// Plain JavaScript without types: named by a variable, so that the compiler does not look for them.
const module = new URL('../../bench/turns.mjs', import.meta.url).href
const { inTurns } = await import(/* @vite-ignore */ module)

it('every side has each turn once, and each turn begins with another', () => {
  expect([...inTurns(['a', 'b', 'c'], 2)]).toEqual([
    ['a', 'turn 1 of 2'],
    ['b', 'turn 1 of 2'],
    ['c', 'turn 1 of 2'],
    ['b', 'turn 2 of 2'],
    ['c', 'turn 2 of 2'],
    ['a', 'turn 2 of 2'],
  ])
  expect([...inTurns([], 3)]).toEqual([])
})
