import { describe, expect, it } from 'vitest'
import { lda } from '../../src/algorithm/head/lda.ts'
import { ridge } from '../../src/algorithm/head/ridge.ts'
import { solveRidge } from '../../src/algorithm/head/solve.ts'
import { addImages, addStatistics, type HeadStatistics, noStatistics } from '../../src/engine/head-statistics.ts'
import { statisticsOf, statisticsTensors } from '../../src/federation/head-tensors.ts'
import { stream } from '../../src/random.ts'
import { safetensorsSize } from '../../src/weights/safetensors.ts'

/** Sums over images whose features and labels are given. */
const sumsOf = (features: readonly number[][], labels: readonly number[], classes: number): HeadStatistics =>
  addImages(noStatistics(features[0]!.length, classes), Float32Array.from(features.flat()), Int32Array.from(labels))

describe('sums over images', () => {
  it('are of features with a 1 behind them, and of labels as zeros and a one', () => {
    const { images, gram, cross } = sumsOf([[2], [3], [5]], [0, 1, 1], 2)
    expect(images).toBe(3)
    expect([...gram]).toEqual([4 + 9 + 25, 10, 10, 3])
    expect([...cross]).toEqual([2, 8, 1, 2])
  })

  it('add up to those of all images, however these are split', () => {
    const random = stream(1, 'head')
    const labels = Array.from({ length: 60 }, () => random.below(3))
    const features = labels.map(() => Array.from({ length: 5 }, () => Math.round(random.uniform() * 100)))
    const split = (...at: number[]) => {
      const ends = [...at, labels.length]
      const parts = ends.map((end, i) => {
        const from = ends[i - 1] ?? 0
        return sumsOf(features.slice(from, end), labels.slice(from, end), 3)
      })
      return addStatistics(parts)
    }
    // Whole numbers add without rounding.
    expect(split(7, 40)).toEqual(split())
    expect(split(1, 2, 3, 59)).toEqual(split())
  })

  it('are handed over as half of a symmetric matrix and the other, in single precision', () => {
    const third = 1 / 3
    const gram = Float64Array.of(1, 2, third, 2, 5, 6, third, 6, 9)
    const tensors = statisticsTensors({
      images: 7,
      size: 3,
      classes: 2,
      gram,
      cross: Float64Array.of(1, 2, 3, 4, 5, 6),
    })
    expect([...tensors].map(([name, { shape, data }]) => [name, shape, [...data]])).toEqual([
      ['gram', [6], [1, 2, Math.fround(third), 5, 6, 9]],
      ['cross', [3, 2], [1, 2, 3, 4, 5, 6]],
    ])
    const back = statisticsOf(tensors, 7)
    expect(back).toMatchObject({ images: 7, size: 3, classes: 2 })
    expect([...back.gram]).toEqual([...gram].map(Math.fround))
    // 8 bytes that say how long the header is, 144 of it with its spaces, 4 for each of 6 + 6 values.
    expect(safetensorsSize(tensors)).toBe(8 + 144 + 4 * (6 + 6))
  })
})

describe('a ridge head', () => {
  it('is the least squares from features to labels', async () => {
    // Labels of class 1 over x = 0, 1, 2, 3: 0, 0, 1, 1. Slope Σ(x - 1.5)(y - 0.5) / Σ(x - 1.5)² = 2 / 5.
    const { weight, bias } = await ridge
      .make({ lambda: 1e-12, random: 0 })
      .fit(sumsOf([[0], [1], [2], [3]], [0, 0, 1, 1], 2))
    expect([...weight]).toEqual([expect.closeTo(-0.4, 6), expect.closeTo(0.4, 6)])
    expect([...bias]).toEqual([expect.closeTo(1.1, 6), expect.closeTo(-0.1, 6)])
  })

  it('shrinks with lambda, in units of features of mean square 1', async () => {
    // One feature x = ±s, labels by its sign: A/s² = n, so that s·w = (n / 2) / (n + lambda), for any s.
    for (const s of [1, 100]) {
      const sums = sumsOf([[s], [-s], [s], [-s]], [0, 1, 0, 1], 2)
      const { weight } = await ridge.make({ lambda: 4, random: 0 }).fit(sums)
      expect(weight[0]! * s).toBeCloseTo(2 / (4 + 4), 6)
    }
  })

  it('gives a feature that is 0 for every image no weight', async () => {
    const { weight } = await ridge
      .make({ lambda: 0.01, random: 0 })
      .fit(sumsOf([[0, 1], [0, 2], [0, 3]], [0, 1, 1], 2)) // biome-ignore format: rows
    expect([weight[0], weight[2]]).toEqual([0, 0])
  })

  it('solves what a matrix of ten unknowns asks, to double precision', async () => {
    const random = stream(2, 'head')
    const size = 10
    const rows = Array.from({ length: 40 }, () => Array.from({ length: size }, () => random.uniform() - 0.5))
    const a = new Float64Array(size ** 2)
    for (const z of rows) for (let i = 0; i < a.length; i++) a[i]! += z[Math.floor(i / size)]! * z[i % size]!
    const wanted = Array.from({ length: size }, () => random.uniform())
    const b = Float64Array.from({ length: size }, (_, i) => wanted.reduce((sum, x, j) => sum + a[i * size + j]! * x, 0))
    const x = await solveRidge({ a, b, size, images: rows.length }, 1e-14)
    for (const [i, value] of wanted.entries()) expect(Math.abs(x[i]! / value - 1)).toBeLessThan(1e-9)
  })
})

describe('an LDA head', () => {
  it('has the logits of Gaussian classes with one covariance', async () => {
    // Classes with means -1 and 3, deviations ±1, so a covariance of 1; shares 2/6 and 4/6.
    const sums = sumsOf([[-2], [0], [2], [4], [2], [4]], [0, 0, 1, 1, 1, 1], 2)
    const { weight, bias } = await lda.make({ lambda: 1e-12, random: 0 }).fit(sums)
    expect([...weight]).toEqual([expect.closeTo(-1, 5), expect.closeTo(3, 5)])
    expect([...bias]).toEqual([expect.closeTo(Math.log(2 / 6) - 0.5, 5), expect.closeTo(Math.log(4 / 6) - 4.5, 5)])
  })

  it('lets a class without images never win', async () => {
    const { weight, bias } = await lda
      .make({ lambda: 0.01, random: 0 })
      .fit(sumsOf([[-2], [0], [2], [4]], [0, 0, 2, 2], 3))
    for (const x of [-3, 0, 1, 5]) {
      const logits = [0, 1, 2].map((c) => weight[c]! * x + bias[c]!)
      expect(logits[1]).toBeLessThan(Math.max(...logits))
    }
  })
})
