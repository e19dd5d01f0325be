import { describe, expect, it } from 'vitest'

// Plain JavaScript without types: named by a variable, so that the compiler does not look for them.
const module = new URL('../../bench/newest-fair.mjs', import.meta.url).href
const { compareVersions, newestFair } = await import(/* @vite-ignore */ module)

const found = (name: string, version?: string, blas = 50) => ({
  path: `/${name}/python`,
  name,
  torch: version && { blas, convolution: 100, versions: { torch: version } },
})

describe('newestFair', () => {
  it('is the newest version, wherever it was found, and is named', () => {
    const said: string[] = []
    const all = [found('a', '2.9.1'), found('b', '2.13.0+cpu'), found('c'), found('d', '1.13.0a0')]
    expect(newestFair(all, (line: string) => said.push(line))?.path).toBe('/b/python')
    expect(said).toEqual(['c has no PyTorch', 'PyTorch 2.13.0+cpu of b, the newest'])
  })

  it('passes over one whose BLAS is slow, however new', () => {
    const said: string[] = []
    const all = [found('new', '2.13.0', 20), found('old', '1.13.0a0', 21)]
    expect(newestFair(all, (line: string) => said.push(line))?.name).toBe('old')
    expect(said[0]).toContain('new: PyTorch 2.13.0 has a slow BLAS (20 GFLOP/s, its convolutions 100)')
  })

  it('is the first of two that are the same, and none if there is none', () => {
    expect(newestFair([found('a', '2.1'), found('b', '2.1.0')], () => {})?.name).toBe('a')
    expect(newestFair([found('a')], () => {})).toBeUndefined()
  })
})

it.each([
  ['2.9.1', '2.13.0+cpu', -4],
  ['1.13.0a0', '1.13.0', 0],
  ['2.13', '2.13.1', -1],
  ['2.13.1+cu126', '2.13.1', 0],
])('orders versions by their numbers: %s and %s', (a, b, difference) => {
  expect(compareVersions(a, b)).toBe(difference)
  expect(compareVersions(b, a) + difference).toBe(0)
})
