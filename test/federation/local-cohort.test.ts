import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Update } from '../../src/federation/cohort.ts'
import { AHEAD, LocalCohort } from '../../src/federation/local/local-cohort.ts'
import type { Owner } from '../../src/federation/owner.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { type FakeOwner, fakeOwner, valuesOf, weightsOf } from '../support/fake-owner.ts'

interface Given {
  readonly workers?: number
  readonly take?: (update: Update) => void
}

/** Trains a round; gives what came, in its order: `p3` for progress of owner 3, `u3` for its update. */
async function train(owners: readonly Owner[], { workers = 2, take }: Given = {}): Promise<string[]> {
  const cohort = new LocalCohort(owners, workers)
  const task = { round: 1, lr: 0.1, evaluate: true, evaluateReceived: () => false, instruct: () => ({}) }
  const came: string[] = []
  for await (const news of cohort.train({ ...task, model: await cohort.publish(weightsOf(0)) })) {
    came.push(`${news.type === 'update' ? 'u' : 'p'}${news.owner}`)
    if (news.type === 'update') take?.(news)
  }
  return came
}

const fakes = (count: number, of: (owner: number) => FakeOwner = () => ({})): Owner[] =>
  Array.from({ length: count }, (_, i) => fakeOwner(i + 1, of(i + 1)))

describe('training the owners of this process', () => {
  it('gives updates in their order, whoever is done first', async () => {
    const schedule = fc.record({
      delays: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 12 }),
      workers: fc.integer({ min: 1, max: 5 }),
    })
    await fc.assert(
      fc.asyncProperty(schedule, async ({ delays, workers }) => {
        const taken: [number, number[]][] = []
        const owners = fakes(delays.length, (owner) => ({ delay: delays[owner - 1]! }))
        const came = await train(owners, {
          workers,
          take: ({ owner, weights }) => taken.push([owner, valuesOf(weights)]),
        })
        expect(taken).toEqual(delays.map((_, i) => [i + 1, [i + 1]]))
        expect(came.filter((news) => news.startsWith('p'))).toHaveLength(delays.length)
      }),
      { numRuns: 30 },
    )
  })

  it('begins with the owners that have most to train, and gives updates in their order all the same', async () => {
    const images = [10, 300, 20, 700, 5]
    const uneven = fakes(5, (owner) => ({ trainImages: images[owner - 1]!, delay: owner }))
    const came = await train(uneven)
    expect(came.filter((news) => news.startsWith('p'))).toEqual(['p4', 'p2', 'p3', 'p1', 'p5'])
    expect(came.filter((news) => news.startsWith('u'))).toEqual(['u1', 'u2', 'u3', 'u4', 'u5'])
  })

  it('gives progress at once, also of owners whose turn has not come', async () => {
    const came = await train(fakes(3, (owner) => ({ delay: owner === 1 ? 40 : 1 })))
    expect(came).toEqual(['p1', 'p2', 'p3', 'u1', 'u2', 'u3'])
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
            const update = await owner.train(...given)
            await sleep(1)
            collect()
            // This owner's weights, and those of others that are still held.
            most = Math.max(most, 1 + handed.filter((weights) => weights.deref()).length)
            handed.push(new WeakRef(update.weights))
            return update
          },
        }),
      )
      await train(owners, { workers, take: () => void taken++ })
      expect(taken).toBe(60)
      expect(most).toBeLessThanOrEqual(AHEAD * workers + 1)
      if (workers > 1) expect(most).toBeGreaterThan(1)
    },
  )

  it('begins no further owner once one has failed, or its update could not be taken', async () => {
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
