import { describe, expect, it } from 'vitest'
import { SERVER_STEPS } from '../../src/algorithm/server/registry.ts'
import { chosenStep, startServer } from '../../src/algorithm/server/start-server.ts'
import { make, nameOf } from '../../src/parts.ts'
import { WeightPool } from '../../src/weights/pool.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { valuesOf, weightsOf } from '../support/fake-owner.ts'

type Chosen = Parameters<typeof chosenStep>[0]

const serverOf = (choice: Chosen) => startServer(chosenStep(choice)!)

/** The models of rounds whose merged model is what the owners make of the one before. */
function rounds(choice: Chosen, start: Weights, merged: readonly ((model: number[]) => number[])[]): number[][] {
  const server = serverOf(choice)
  const pool = new WeightPool()
  let [model, state] = [start, server.start(start)]
  return merged.map((make) => {
    const next = server.step(state, model, { merged: weightsOf(...make(valuesOf(model))) }, pool)
    ;({ model, state } = next)
    return valuesOf(model)
  })
}

const toward =
  (...values: number[]) =>
  () =>
    values

describe('server step none', () => {
  it('takes the merged model as it is, and keeps nothing', () => {
    expect(make(SERVER_STEPS, 'none')).toBeUndefined()
    expect(chosenStep('none')).toBeUndefined()
  })
})

describe('server step avgm', () => {
  it('is avg without momentum, at lr 1', () => {
    expect(rounds({ avgm: { momentum: 0, lr: 1 } }, weightsOf(0, 4), [toward(3, 1), toward(-2, 8)])).toEqual([
      [3, 1],
      [-2, 8],
    ])
  })

  it('goes on in the direction of the rounds before: v = 0.5 v + (x - merged), x = x - 2 v', () => {
    // x 0, merged 1: v -1, x 2. Then merged 1: v -0.5 + 1 = 0.5, x 1. Then merged 1: v 0.25 + 0, x 0.5.
    expect(rounds({ avgm: { momentum: 0.5, lr: 2 } }, weightsOf(0), [toward(1), toward(1), toward(1)])).toEqual([
      [2],
      [1],
      [0.5],
    ])
  })
})

describe('server step adam', () => {
  const options = { lr: 0.1, beta1: 0.9, beta2: 0.99, tau: 1e-3, v0: 0 }

  it('steps by the mean change in units of its size, without bias correction', () => {
    // Owners with 1 on one image and 3 on two: the change is 7/3, m 7/30, v 0.49/9, and 0.1 * m / (√v + 0.001) is this.
    const [first, second] = rounds({ adam: options }, weightsOf(0), [toward(7 / 3), toward(7 / 3)])
    expect(first![0]).toBeCloseTo(0.0995732575, 7)
    const change = 7 / 3 - first![0]!
    const [m, v] = [0.9 * (7 / 30) + 0.1 * change, (0.99 * 0.49) / 9 + 0.01 * change ** 2]
    expect(second![0]).toBeCloseTo(first![0]! + (0.1 * m) / (Math.sqrt(v) + 1e-3), 6)
  })

  it('begins with v0, as the paper asks: the larger it is, the smaller the first step', () => {
    const [[x]] = rounds({ adam: { ...options, v0: 1 } }, weightsOf(0), [toward(2.5)]) as [[number]]
    expect(x).toBeCloseTo((0.1 * 0.25) / (Math.sqrt(0.99 + 0.0625) + 1e-3), 7)
  })

  it('leaves a weight in place that no owner changes', () => {
    expect(rounds({ adam: options }, weightsOf(5, -0.5), [(model) => model])).toEqual([[5, -0.5]])
  })
})

it.each([
  { avgm: { momentum: 0.9, lr: 1 } },
  { adam: { lr: 0.1, beta1: 0.9, beta2: 0.99, tau: 1e-3, v0: 0 } },
] as Chosen[])('a step changes nothing that it is given: %j', (choice) => {
  const server = serverOf(choice)
  const base = weightsOf(1, 2)
  const merged = weightsOf(3, -1)
  const state = server.start(base)
  const slots = Object.values(state).map(valuesOf)
  const next = server.step(state, base, { merged }, new WeightPool())
  expect([valuesOf(base), valuesOf(merged)]).toEqual([
    [1, 2],
    [3, -1],
  ])
  expect(Object.values(state).map(valuesOf)).toEqual(slots)
  expect(Object.keys(next.state)).toEqual(Object.keys(state))
  expect(nameOf(choice)).toBeTypeOf('string')
})
