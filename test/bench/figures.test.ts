import { describe, expect, it } from 'vitest'

// Plain JavaScript without types: named by a variable, so that the compiler does not look for them.
const module = new URL('../../bench/figures.mjs', import.meta.url).href
const { json, summarise, withSnakeCase } = await import(/* @vite-ignore */ module)

const series = (key: string, values: number[], more: object = {}) => ({ key, name: key, unit: 's', values, ...more })

describe('summarise', () => {
  it('gives median, extremes and every value, rounded', () => {
    const { figures } = summarise({ series: [series('a', [3.14, 1.26, 2.5, 9.99], { digits: 1 })] })
    expect(figures.a).toEqual({ name: 'a', unit: 's', median: 2.8, min: 1.3, max: 10, values: [3.1, 1.3, 2.5, 10] })
  })

  it('judges a median, not its rounded form', () => {
    const judged = (value: number, target: object) =>
      summarise({ series: [series('a', [value], { target })] }).figures.a.status
    expect(judged(5, { atMost: 5 })).toBe('pass')
    expect(judged(5.4, { atMost: 5 })).toBe('miss')
    expect(judged(5, { atLeast: 5 })).toBe('pass')
    expect(judged(4.6, { atLeast: 5 })).toBe('miss')
  })

  it('gives the ratio of the medians and the median ratio of the turns, and judges the first', () => {
    const ratio = { key: 'r', name: 'a / b', over: 'a', under: 'b', target: { atLeast: 2 } }
    const { ratios } = summarise({ series: [series('a', [2, 4, 9]), series('b', [1, 4, 2])], ratios: [ratio] })
    expect(ratios.r).toEqual({
      name: 'a / b',
      of_medians: 2,
      of_turns: 2,
      min: 1,
      max: 4.5,
      target: { at_least: 2 },
      status: 'pass',
    })
    const skewed = summarise({ series: [series('a', [4, 4, 9]), series('b', [1, 3, 4])], ratios: [ratio] }).ratios.r
    expect(skewed.of_medians).toBeCloseTo(4 / 3, 3)
    expect(skewed.of_turns).toBe(2.25)
    expect(skewed.status).toBe('miss')
  })

  it('says what could not be measured, rather than that it was missed', () => {
    const target = { atLeast: 1 }
    const ratios = [
      { key: 'r', name: 'r', over: 'a', under: 'b', target },
      { key: 'free', name: 'free', over: 'b', under: 'a' },
    ]
    const summary = summarise({ series: [series('a', [1]), series('b', [], { target })], ratios })
    expect(summary.figures.b).toEqual({ name: 'b', unit: 's', target: { at_least: 1 }, status: 'not measured' })
    expect(summary.ratios.r).toEqual({ name: 'r', target: { at_least: 1 }, status: 'not measured' })
    expect(summary.ratios.free).toEqual({ name: 'free' })
  })
})

it('the names of fields are in snake_case', () => {
  expect(withSnakeCase({ 'warm-up': 1, atLeast: 2, torch_batch: 3 })).toEqual({
    warm_up: 1,
    at_least: 2,
    torch_batch: 3,
  })
})

it('json keeps lists of numbers on one line', () => {
  expect(json({ values: [1, 2.5, -3e-7], name: 'a' })).toBe('{\n  "values": [1, 2.5, -3e-7],\n  "name": "a"\n}\n')
})
