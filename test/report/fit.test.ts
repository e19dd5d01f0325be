import { expect, it } from 'vitest'
import { fitted } from '../../src/report/terminal/fit.ts'

const LONG = 'geometric-median:iterations=100:smoothing=0.000001'

it('a table that cannot be narrow enough is a list of rows, whose long cells go over several lines', () => {
  const all = [
    { title: 'name', cells: ['robust', 'other'] },
    { title: 'merge', cells: [LONG, 'avg'] },
  ]
  expect(fitted(all, 30)).toEqual({
    text: [
      'name   robust',
      'merge  geometric-median:',
      '       iterations=100:',
      '       smoothing=0.000001',
      '',
      'name   other',
      'merge  avg',
    ].join('\n'),
    missing: [],
  })
})

it('a word without a mark is cut, and no character is lost', () => {
  const word = 'x'.repeat(70)
  const { text } = fitted([{ title: 'id', cells: [word] }], 30)
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBe(30)
  expect(text.replace(/^id|[\s]/g, '')).toBe(word)
})
