import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Owner } from '../../src/federation/local/owner.ts'
import { AHEAD, trainAll } from '../../src/federation/local/train-all.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { type FakeOwner, fakeOwner, valuesOf, weightsOf } from '../support/fake-owner.ts'

interface Given {
  readonly workers?: number
  readonly baseline?: Owner
  readonly take?: (owner: number, weights: Weights) => void
}

async function train(owners: readonly Owner[], { workers = 2, baseline, take }: Given = {}) {
  const party = (owner: Owner) => ({ owner, held: () => weightsOf(0), copied: undefined })
  const pooled: number[][] = []
  const events = trainAll(owners.map(party), {
    round: 1,
    lr: 0.1,
    workers,
    baseline: baseline && party(baseline),
    take: ({ owner }, weights) => take?.(owner.owner, weights),
    takePooled: (weights) => void pooled.push(valuesOf(weights)),
  })
  let next = await events.next()
  while (!next.done) next = await events.next()
  return { ...next.value, pooled }
}

const fakes = (count: number, of: (owner: number) => FakeOwner = () => ({})): Owner[] =>
  Array.from({ length: count }, (_, i) => fakeOwner(i + 1, of(i + 1)))

describe('training all owners', () => {
  it('takes weights and lists owners in their order, whoever is done first', async () => {
    const schedule = fc.record({
      delays: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 12 }),
      workers: fc.integer({ min: 1, max: 5 }),
    })
    await fc.assert(
      fc.asyncProperty(schedule, async ({ delays, workers }) => {
        const taken: [number, number[]][] = []
        const owners = fakes(delays.length, (owner) => ({ delay: delays[owner - 1]! }))
        const all = await train(owners, { workers, take: (owner, weights) => taken.push([owner, valuesOf(weights)]) })
        expect(taken).toEqual(delays.map((_, i) => [i + 1, [i + 1]]))
        expect(all.owners.map(({ owner }) => owner)).toEqual(delays.map((_, i) => i + 1))
      }),
      { numRuns: 30 },
    )
  })

  it.each([1, 2, 4])(
    'of %i at a time holds a few models for each at most, however slow the first is',
    async (workers) => {
      setFlagsFromString('--expose-gc')
      const collect: () => void = runInNewContext('gc')
      const handed: WeakRef<Weights>[] = []
      let most = 0
      let begun = 0
      let taken = 0
      const owners = fakes(60, (owner) => ({ delay: owner % 5 === 1 ? 20 : 1 })).map(
        (owner): Owner => ({
          ...owner,
          async train(...given) {
            begun += 1
            expect(begun - taken).toBeLessThanOrEqual(AHEAD * workers + 1)
            const trained = await owner.train(...given)
            await sleep(1)
            collect()
            // This owner's weights, and those of others that are still held.
            most = Math.max(most, 1 + handed.filter((weights) => weights.deref()).length)
            handed.push(new WeakRef(trained.weights))
            return trained
          },
        }),
      )
      await train(owners, { workers, take: () => void taken++ })
      expect(taken).toBe(60)
      expect(most).toBeLessThanOrEqual(AHEAD * workers + 1)
      if (workers > 1) expect(most).toBeGreaterThan(1)
    },
  )

  it('begins with the baseline, for which no owner waits', async () => {
    const order: number[] = []
    const baseline = fakeOwner(0, { delay: 60, learn: () => [7] })
    const all = await train(fakes(6), { baseline, take: (owner) => order.push(owner) })
    expect(order).toEqual([1, 2, 3, 4, 5, 6])
    expect(all.pooled).toEqual([[7]])
    expect(all.baseline).toMatchObject({ owner: 0 })
    expect(all.owners).toHaveLength(6)
  })

  it('begins no further owner once one has failed, or its weights could not be taken', async () => {
    const calls: number[] = []
    const note = (owner: number, fails: boolean) => () => {
      calls.push(owner)
      if (fails) throw new Error('lost')
      return [owner]
    }
    const failing = fakes(40, (owner) => ({ delay: 2 * owner, learn: note(owner, owner === 2) }))
    await expect(train(failing)).rejects.toThrow('lost')
    await sleep(60)
    expect(calls.length).toBeLessThanOrEqual(AHEAD * 2 + 2)

    const refused = train(fakes(40), {
      take() {
        throw new Error('unlike')
      },
    })
    await expect(refused).rejects.toThrow('unlike')
  })
})
