import { describe, expect, it } from 'vitest'
import { makeAlgorithm } from '../../src/algorithm/make-algorithm.ts'
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

describe('server step yogi', () => {
  const options = { lr: 0.1, beta1: 0.9, beta2: 0.99, tau: 1e-3, v0: 0 }

  it('begins as adam does, because Δ² is above a v of 0', () => {
    const [[x]] = rounds({ yogi: options }, weightsOf(0), [toward(7 / 3)]) as [[number]]
    expect(x).toBeCloseTo(0.0995732575, 7)
  })

  it('comes down by a share of Δ², however large v is', () => {
    // Δ 1, m 0.1, v 4 - 0.01 = 3.99; adam would have 0.99 * 4 + 0.01 = 3.97.
    const server = serverOf({ yogi: { ...options, v0: 4 } })
    const start = weightsOf(0)
    const { model, state } = server.step(server.start(start), start, { merged: weightsOf(1) }, new WeightPool())
    expect(valuesOf(state.v!)[0]).toBeCloseTo(3.99, 6)
    expect(valuesOf(model)[0]).toBeCloseTo(0.01 / (Math.sqrt(3.99) + 1e-3), 8)
  })
})

describe('server step adagrad', () => {
  // flwrlabs/flower, fedadagrad_test.py: owners with 0.2 and 1.0 on five images each, from 0.1.
  it('goes by the change in units of its size: 0.1 + 0.1 * 0.5 / (0.5 + 0.5)', () => {
    const options = { lr: 0.1, beta1: 0, tau: 0.5, v0: 0 }
    const [x] = rounds({ adagrad: options }, weightsOf(0.1, 0.1), [toward(0.6, 0.6)]) as [number[]]
    expect(x).toEqual([Math.fround(0.15), Math.fround(0.15)])
  })

  it('adds up the squares: the second of two equal changes goes less far', () => {
    const options = { lr: 0.1, beta1: 0, tau: 1e-3, v0: 0 }
    const [[first], [second]] = rounds({ adagrad: options }, weightsOf(0), [toward(7 / 3), ([x]) => [x! + 7 / 3]]) as [
      [number],
      [number],
    ]
    expect(first).toBeCloseTo(0.0999571612, 7)
    expect(second - first).toBeCloseTo((0.1 * 7) / 3 / ((Math.SQRT2 * 7) / 3 + 1e-3), 6)
  })
})

describe('server step sgd', () => {
  it('goes lr times the way to the merged model', () => {
    expect(rounds({ sgd: { lr: 0.5 } }, weightsOf(0, 4), [toward(3, 1), toward(1.5, 2.5)])).toEqual([
      [1.5, 2.5],
      [1.5, 2.5],
    ])
    expect(rounds({ sgd: { lr: 2 } }, weightsOf(1), [toward(4)])).toEqual([[7]])
  })

  it('is that model to the bit at lr 1', () => {
    const merged = [0.1, 1e-30, -3.3e7].map(Math.fround)
    expect(rounds({ sgd: { lr: 1 } }, weightsOf(1e7, 5, -0.7), [toward(...merged)])).toEqual([merged])
  })
})

describe('server step fedexp', () => {
  const stepped = (...owners: number[][]) => {
    const algorithm = makeAlgorithm({
      merge: ['avg', 'max'],
      server: { fedexp: { epsilon: 1e-3 } },
      objective: 'cross-entropy',
    })
    // Two tensors: the norms are over the whole model.
    const weights = ([a, b]: readonly number[]) => new Map([...weightsOf(a!), ['v', weightsOf(b!).get('w')!]])
    const base = weights([2, 3])
    const fold = algorithm.fold({ round: 1, base })
    for (const [i, [a, b]] of owners.entries()) {
      fold.add({ owner: i + 1, trainImages: 1, sent: {}, weights: weights([2 + a!, 3 + b!]) })
    }
    const { model, stepSize } = algorithm.step(algorithm.start(base), base, fold.finish())
    return { stepSize, moved: [...model.values()].map(({ data }, i) => data[0]! - [2, 3][i]!) }
  }

  it('never goes less far than the merged model: at right angles the formula has 0.998', () => {
    expect(stepped([1, 0], [0, 1])).toEqual({ stepSize: 1, moved: [0.5, 0.5] })
  })

  it('goes far if owners go against each other: 1.81 / (4 * (0.0025 + 0.001)) times the way', () => {
    const { stepSize, moved } = stepped([1, 0], [-0.9, 0])
    expect(stepSize).toBeCloseTo(129.285714, 2)
    expect(moved[0]).toBeCloseTo(129.285714 * 0.05, 3)
    expect(moved[1]).toBe(0)
  })

  it('has a size that no other step has', () => {
    const [server, start] = [serverOf({ avgm: { momentum: 0.9, lr: 1 } }), weightsOf(0)]
    expect(server.step(server.start(start), start, { merged: start }, new WeightPool()).size).toBeUndefined()
    expect([server.needsMoves, serverOf({ fedexp: { epsilon: 1 } }).needsMoves]).toEqual([false, true])
  })
})

it.each([
  { avgm: { momentum: 0.9, lr: 1 } },
  { adam: { lr: 0.1, beta1: 0.9, beta2: 0.99, tau: 1e-3, v0: 0 } },
  { yogi: { lr: 0.1, beta1: 0.9, beta2: 0.99, tau: 1e-3, v0: 0 } },
  { adagrad: { lr: 0.1, beta1: 0, tau: 1e-3, v0: 0 } },
  { fedexp: { epsilon: 1e-3 } },
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
