import { expect, it } from 'vitest'
import { ATTACKS } from '../../src/algorithm/attack/registry.ts'
import { stream } from '../../src/random.ts'
import type { Weights } from '../../src/weights/weights.ts'

const weights = (...values: number[]): Weights =>
  new Map([['w', { shape: [values.length], data: Float32Array.from(values) }]])
const random = (round: number) => (tensor: string) => stream(3, 'attack', round, 5, tensor)
const valuesOf = (model: Weights) => [...model.get('w')!.data]

it('sign-flip goes from the received model against its update, as often as long', () => {
  const { disguise, owners } = ATTACKS['sign-flip'].make({ owners: 2, scale: 5 })
  // 1 - 5 (3 - 1), 2 - 5 (1.5 - 2), 0
  expect(valuesOf(disguise(weights(1, 2, 4), weights(3, 1.5, 4)))).toEqual([-9, 4.5, 4])
  expect(owners).toBe(2)
})

it('noise lies around the received model, as long as the update times the scale, and new in each round', () => {
  const { disguise } = ATTACKS.noise.make({ owners: 1, scale: 4 })
  const count = 20_000
  const received = weights(...Array.from({ length: count }, () => 1))
  const trained = weights(...Array.from({ length: count }, (_, i) => (i % 2 === 0 ? 1.5 : 0.5)))
  const drawn = valuesOf(disguise(received, trained, random(1))).map((value) => value - 1)
  const mean = drawn.reduce((sum, value) => sum + value, 0) / count
  const deviation = Math.sqrt(drawn.reduce((sum, value) => sum + value * value, 0) / count)
  // The update has a root mean square of 0.5. Five standard errors: 2/sqrt(n) of a mean, 2/sqrt(2n) of a deviation.
  expect(Math.abs(mean)).toBeLessThan(5 * (2 / Math.sqrt(count)))
  expect(Math.abs(deviation - 2)).toBeLessThan(5 * (2 / Math.sqrt(2 * count)))
  expect(valuesOf(disguise(received, trained, random(1))).map((value) => value - 1)).toEqual(drawn)
  expect(valuesOf(disguise(received, trained, random(2))).map((value) => value - 1)).not.toEqual(drawn)
})

it('label-flip turns the classes round, and hands in what it has trained', () => {
  const attack = ATTACKS['label-flip'].make({ owners: 1 })
  expect([...attack.relabel(5)]).toEqual([4, 3, 2, 1, 0])
  expect(attack).not.toHaveProperty('disguise')
})
