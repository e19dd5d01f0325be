import { describe, expect, it } from 'vitest'
import { drawnOwners } from '../../src/federation/drawn-owners.ts'
import { valuesOf } from '../support/fake-owner.ts'
import { type Plain, plainRounds, type Slope } from '../support/plain-owners.ts'
import { scaffoldTwo } from '../support/scaffold.ts'

const GENERAL = { scaffold: { form: 'general' } } as const
const slopesOf = ({ a, b }: { readonly a: readonly number[]; readonly b: readonly number[] }): Slope[] =>
  a.map((slope, i) => (w) => w.map((value) => slope * (value - b[i]!)))

/** Owners with the losses ½ (w - 0)² and 3/2 (w - 4)²: the pooled optimum is 3. */
const problem = { a: [1, 3], b: [0, 4], lr: 0.1, steps: 2 }
const run = { slopes: slopesOf(problem), steps: [2, 2], lr: 0.1, rounds: 300, objective: GENERAL }
const last = async (given: Partial<Plain>) => (await plainRounds({ ...run, ...given })).at(-1)!

describe('scaffold in the general form, if all owners take part', () => {
  it('makes the rounds of SCAFFOLD, option II, and of the form without uploads, as far as float32 goes', async () => {
    const rounds = await plainRounds({ ...run, rounds: 30 })
    const uploadFree = await plainRounds({ ...run, rounds: 30, objective: 'scaffold' })
    const { models } = scaffoldTwo(problem, 30)
    for (const [i, { model }] of rounds.entries()) {
      expect(Math.abs(model[0]! - models[i]!), `${i}`).toBeLessThan(3e-6)
      expect(Math.abs(model[0]! - uploadFree[i]!.model[0]!), `${i}`).toBeLessThan(3e-6)
    }
  })

  it('is FedAvg in the first round, to the last bit', async () => {
    const [corrected] = await plainRounds({ ...run, rounds: 1 })
    const [plain] = await plainRounds({ ...run, rounds: 1, objective: 'cross-entropy' })
    expect(corrected!.model).toEqual(plain!.model)
  })

  it('counts each owner once, however many steps it makes: (w - 0) + 3 (w - 4) = 0', async () => {
    expect((await last({ steps: [2, 4] })).model[0]).toBeCloseTo(3, 5)
  })

  it('divides by the steps that plain SGD would need, if there is momentum', async () => {
    // With slope -1, ten steps at lr 0.1 and momentum 0.9 go 4.1381059609, so c_i is the slope.
    const slopes: Slope[] = [() => [-1], () => [-1]]
    const { states, serverState } = await last({ slopes, steps: [10, 10], momentum: 0.9, rounds: 1 })
    expect(valuesOf(states.get(1)!.control!)[0]).toBeCloseTo(-1, 6)
    expect(valuesOf(serverState['objective/control']!)[0]).toBeCloseTo(-1, 6)
  })
})

describe('scaffold in the general form, if owners are drawn', () => {
  // c counts the changes of two owners by all three. All of it is exact in float32 but the thirds.
  it('makes two rounds of two of three owners as by hand', async () => {
    const three = { a: [1, 2, 1], b: [0, 2, 4] }
    const participants = { count: 2 }
    const seed = seedOf([1, 2], [2, 3])
    const [one, two] = await plainRounds({
      slopes: slopesOf(three),
      steps: [2, 2, 2],
      lr: 0.25,
      rounds: 2,
      objective: GENERAL,
      participants,
      seed,
    })
    // Owner 1 stays at 0. Owner 2 goes 0, 1, 1.5: Δc_2 = (0 - 1.5) / 0.5 = -3.
    expect(one!.trained).toEqual([1, 2])
    expect(one!.model).toEqual([0.75])
    expect(controlsOf(one!)).toEqual({ c: -1, own: [0, -3] })
    // Owner 2, shifted by -1 + 3: 0.75, 0.875, 0.9375, Δc_2 = 0.625. Owner 3, by -1: 1.8125, 2.609375, Δc_3 = -2.71875.
    expect(two!.trained).toEqual([2, 3])
    expect(two!.model).toEqual([1.7734375])
    const { c, own } = controlsOf(two!)
    expect(own).toEqual([0, -2.375, -2.71875])
    expect(c).toBeCloseTo(-5.09375 / 3, 6)
  })

  it.each([
    ['', {}],
    [' with momentum', { momentum: 0.5 }],
    [' and a learning rate of the server', { server: { sgd: { lr: 0.5 } } as const }],
  ])('ends at the pooled optimum%s, though one of the two owners trains in a round', async (_, given) => {
    const { model, states, serverState } = await last({ participants: { count: 1 }, seed: 3, ...given })
    expect(model[0]).toBeCloseTo(3, 5)
    expect(valuesOf(serverState['objective/control']!)[0]).toBeCloseTo(0, 4)
    expect([1, 2].map((owner) => Math.round(1000 * valuesOf(states.get(owner)!.control!)[0]!))).toEqual([3000, -3000])
  })

  it('which rounds without a correction do not come near', async () => {
    const rounds = await plainRounds({ ...run, objective: 'cross-entropy', participants: { count: 1 }, seed: 3 })
    expect(Math.max(...rounds.slice(-20).map(({ model }) => Math.abs(model[0]! - 3)))).toBeGreaterThan(0.3)
  })
})

it('the form without uploads finds that an owner was absent', async () => {
  const drawn = plainRounds({ ...run, rounds: 9, objective: 'scaffold', participants: { count: 1 }, seed: 3 })
  await expect(drawn).rejects.toThrow(/it has no state of round/)
})

/** A seed with which these owners of three are drawn for the first two rounds. */
function seedOf(...rounds: number[][]): number {
  for (let seed = 0; ; seed++) {
    const drawn = rounds.map((_, i) => drawnOwners({ seed, participants: { count: 2 } }, [1, 2, 3], i + 1))
    if (String(drawn) === String(rounds)) return seed
  }
}

/** c of the server, and c_i of the owners that have taken part. */
const controlsOf = ({ serverState, states }: Awaited<ReturnType<typeof plainRounds>>[number]) => ({
  c: valuesOf(serverState['objective/control']!)[0]!,
  own: [...states.values()].map(({ control }) => valuesOf(control!)[0]!),
})
