import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { FedunifyError } from '../../src/errors.ts'
import type { FederationEvent, RoundFinished } from '../../src/federation/events.ts'
import type { Owner } from '../../src/federation/owner.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { fakeFederation, type Given } from '../support/fake-federation.ts'
import { type Call, evaluation, type FakeOwner, fakeOwner, valuesOf } from '../support/fake-owner.ts'

/** All events, each with its weights as they are when it comes, and what ended them if not themselves. */
async function watch(events: AsyncIterable<FederationEvent>): Promise<{ events: FederationEvent[]; error: unknown }> {
  const seen: FederationEvent[] = []
  try {
    for await (const event of events) seen.push(structuredClone(event))
    return { events: seen, error: undefined }
  } catch (error) {
    return { events: seen, error }
  }
}

async function rounds(events: AsyncIterable<FederationEvent>): Promise<RoundFinished[]> {
  const { events: seen, error } = await watch(events)
  if (error) throw error
  return seen.filter((event) => event.type === 'round-finished')
}

describe('a federation', () => {
  it('tells what happens in order', async () => {
    const owners = [fakeOwner(1), fakeOwner(2, { delay: 10 })]
    const { events, error } = await watch(fakeFederation(owners))
    expect(error).toBeUndefined()
    expect(events.map((e) => ('owner' in e ? `${e.type} ${e.owner}` : e.type))).toEqual([
      'started',
      ...['owner-progress 1', 'owner-progress 2', 'owner-trained 1', 'owner-trained 2', 'round-finished'],
      ...['owner-progress 1', 'owner-progress 2', 'owner-trained 1', 'owner-trained 2', 'round-finished'],
      'finished',
    ])
    expect(events[0]).toMatchObject({ owners: [1, 2], rounds: 2, merges: ['avg'] })
    expect(events.at(-1)).toMatchObject({ rounds: 2, reason: 'rounds' })
  })

  it('does not count as training what listeners take', async () => {
    const owners = [fakeOwner(1), fakeOwner(2)]
    for await (const event of fakeFederation(owners, { rounds: 1 })) {
      if (event.type === 'owner-trained' || event.type === 'owner-progress') await sleep(400)
      // Of 1.6 s.
      if (event.type === 'round-finished') expect(event.seconds.train).toBeLessThan(0.8)
    }
  })

  it('trains from the merged weights of the round before, at the round’s learning rate', async () => {
    const calls: Call[] = []
    const owners = [fakeOwner(1, {}, calls), fakeOwner(2, {}, calls)]
    const finished = await rounds(
      fakeFederation(owners, { 'lr-schedule': { step: { rounds: 1, factor: 0.1 } }, rounds: 3 }),
    )
    expect(finished.map(({ weights }) => valuesOf(weights))).toEqual([[1.5], [3], [4.5]])
    expect(finished.map(({ lr }) => lr)).toEqual([0.1, expect.closeTo(0.01), expect.closeTo(0.001)])
    const trained = calls.filter(({ what }) => what === 'train')
    expect(trained.map(({ values }) => values[0])).toEqual([0, 0, 1.5, 1.5, 3, 3])
    expect(trained.map(({ round }) => round)).toEqual([1, 1, 2, 2, 3, 3])
    expect(trained.map(({ lr }) => lr)).toEqual(finished.flatMap(({ lr }) => [lr, lr]))
  })

  it('lets every owner start from its own weights', async () => {
    const calls: Call[] = []
    const owners = [fakeOwner(1, { own: [10] }, calls), fakeOwner(2, { own: [20] }, calls)]
    await rounds(fakeFederation(owners, { model: null, rounds: 1 }))
    expect(calls.filter(({ what }) => what === 'train').map(({ values }) => values)).toEqual([[10], [20]])
  })

  it('merges and lists owners in their order, whoever is done first', async () => {
    // Double precision loses the 1 unless the two large values have cancelled before it comes.
    const learn = [1e30, -1e30, 1].map((value) => () => [value])
    const run = (delays: number[]) =>
      rounds(
        fakeFederation(
          delays.map((delay, i) => fakeOwner(i + 1, { delay, learn: learn[i]!, trainImages: 7 * i + 1 })),
          { rounds: 1 },
        ),
      )
    const [inOrder] = await run([0, 15, 30])
    const [reversed] = await run([30, 15, 0])
    expect(reversed!.locals.map(({ owner, trainImages }) => [owner, trainImages])).toEqual([
      [1, 1],
      [2, 8],
      [3, 15],
    ])
    expect(valuesOf(inOrder!.weights)).toEqual([Math.fround(1 / 3)])
    expect(valuesOf(reversed!.weights)).toEqual([Math.fround(1 / 3)])
    const { events } = await watch(fakeFederation([fakeOwner(1, { delay: 30 }), fakeOwner(2)], { rounds: 1 }))
    const of = (type: FederationEvent['type']) =>
      events.flatMap((e) => (e.type === type && 'owner' in e ? [e.owner] : []))
    expect(of('owner-trained')).toEqual([1, 2])
  })

  it('copies back the first merge, and scores the others on the same local models', async () => {
    const score = ([value = 0]: number[]) => Math.round(10 * value)
    const owners = () => [fakeOwner(1, { score }), fakeOwner(2, { score })]
    const avg = await rounds(fakeFederation(owners(), { merge: ['avg', 'max'] }))
    expect(avg.map(({ merges }) => merges.map(({ merge, unified }) => [merge, unified!.correct]))).toEqual([
      [
        ['avg', 2 * 15],
        ['max', 2 * 20],
      ],
      [
        ['avg', 2 * 30],
        ['max', 2 * 35],
      ],
    ])
    expect(avg.map(({ weights }) => valuesOf(weights)[0])).toEqual([1.5, 3])
    const max = await rounds(fakeFederation(owners(), { merge: ['max', 'avg'] }))
    expect(max.map(({ weights }) => valuesOf(weights)[0])).toEqual([2, 4])
  })

  it('makes a round’s merges in memory of the round before the last', async () => {
    const given: Given = { rounds: 5, merge: ['max', 'avg'] }
    const all = () => [fakeOwner(1), fakeOwner(2)]
    const expected = (await rounds(fakeFederation(all(), given))).map(({ weights }) => valuesOf(weights))
    const seen: { weights: Weights; values: number[] }[] = []
    for await (const event of fakeFederation(all(), given)) {
      const last = seen.at(-1)
      if (last) expect(valuesOf(last.weights)).toEqual(last.values)
      if (event.type === 'round-finished') seen.push({ weights: event.weights, values: valuesOf(event.weights) })
    }
    expect(seen.map(({ values }) => values)).toEqual(expected)
    const memory = seen.map(({ weights }) => weights.get('w')!.data)
    // Two for the unified models, and one for the other merge, which may be any of them.
    expect(new Set(memory).size).toBeLessThanOrEqual(3)
  })

  it('gives a round the copied accuracy that the unified model of the round before had at each owner', async () => {
    const scores: FakeOwner[] = [
      { own: [1], score: ([v = 0]) => Math.round(10 * v) },
      { own: [2], score: ([v = 0]) => Math.round(4 * v) },
    ]
    const owners = scores.map((fake, i) => fakeOwner(i + 1, fake))
    const finished = await rounds(fakeFederation(owners, { rounds: 3, merge: ['avg', 'max'], model: null }))
    const copied = finished.map(({ locals }) => locals.map((local) => local.copied?.correct))
    // Owners hold 1 and 2 at first; merging gives 3, 4.5, …
    expect(copied).toEqual([
      [10, 8],
      [30, 12],
      [45, 18],
    ])
    const unified = finished.map(({ merges }) => merges[0]!.unified!.correct)
    expect(unified.slice(0, 2)).toEqual([30 + 12, 45 + 18])
    expect(finished[0]!.locals.map(({ local }) => local!.correct)).toEqual([20, 16])
  })

  it('adds the owners’ counts up to the unified evaluation', async () => {
    const parts = [evaluation(3, 10), evaluation(20, 30), evaluation(5, 5)]
    const owners = parts.map((part, i): Owner => ({ ...fakeOwner(i + 1), evaluate: async () => part }))
    const [round] = await rounds(fakeFederation(owners, { rounds: 1 }))
    expect(round!.merges[0]!.unified).toEqual({
      images: 45,
      correct: 28,
      lossSum: 17,
      confusion: Uint32Array.of(28, 17, 0, 0),
    })
  })

  it('stops once the copied model is good enough for every owner, not before', async () => {
    const at = (correct: (round: number) => number): FakeOwner => ({
      learn: ([v = 0]) => [v + 1],
      score: ([v = 0]) => correct(v),
    })
    const owners = [
      fakeOwner(
        1,
        at((v) => 20 * v),
      ),
      fakeOwner(
        2,
        at((v) => 30 * v),
      ),
    ]
    const { events } = await watch(fakeFederation(owners, { rounds: 9, 'stop-at': 0.6 }))
    expect(events.at(-1)).toMatchObject({ type: 'finished', rounds: 3, reason: 'stop-at' })
    const all = await watch(
      fakeFederation(
        [
          fakeOwner(
            1,
            at(() => 90),
          ),
          fakeOwner(
            2,
            at(() => 10),
          ),
        ],
        { 'stop-at': 0.5 },
      ),
    )
    expect(all.events.at(-1)).toMatchObject({ rounds: 2, reason: 'rounds' })
  })

  it('trains at least a round, however good the initial weights are', async () => {
    const { events } = await watch(fakeFederation([fakeOwner(1, { score: () => 100 })], { 'stop-at': 0.5, rounds: 5 }))
    expect(events.at(-1)).toMatchObject({ rounds: 1, reason: 'stop-at' })
  })

  it('goes on after the rounds that are done', async () => {
    const calls: Call[] = []
    const owners = [fakeOwner(1, {}, calls), fakeOwner(2, {}, calls)]
    const { events } = await watch(fakeFederation(owners, { done: 1, model: [1.5] }))
    expect(events[0]).toMatchObject({ rounds: 2, done: 1 })
    const finished = events.filter((event) => event.type === 'round-finished')
    expect(finished.map(({ round, weights }) => [round, valuesOf(weights)])).toEqual([[2, [3]]])
    expect(events.at(-1)).toMatchObject({ rounds: 2, reason: 'rounds' })
  })
})

describe('a pooled baseline', () => {
  it('trains beside the owners, from its own weights, and is merged with none', async () => {
    const calls: Call[] = []
    const baseline = fakeOwner(0, { learn: ([v = 0]) => [v + 100], score: () => 77 }, calls)
    const finished = await rounds(fakeFederation([fakeOwner(1), fakeOwner(2)], { baseline }))
    expect(finished.map(({ weights }) => valuesOf(weights)[0])).toEqual([1.5, 3])
    expect(finished.map(({ baseline: pooled }) => pooled?.local?.correct)).toEqual([77, 77])
    expect(calls.filter(({ what }) => what === 'train').map(({ values }) => values[0])).toEqual([0, 100])
    expect(finished[0]!.locals.map(({ owner }) => owner)).toEqual([1, 2])
  })
})

describe('a round counts every owner or none', () => {
  it.each([
    [1, 0],
    [2, 10],
  ])('when owner %i fails in round 2', async (failing, delay) => {
    const why = new FedunifyError('E_ENGINE_FAILED', `owner ${failing} is gone`)
    const learn = ([value = 0]: number[], round: number) => {
      if (round === 2) throw why
      return [value + 1]
    }
    const owners = [1, 2, 3].map((owner) => fakeOwner(owner, owner === failing ? { delay, learn } : { delay: 5 }))
    const { events, error } = await watch(fakeFederation(owners, { rounds: 5 }))
    expect(error).toBe(why)
    expect(events.filter(({ type }) => type === 'round-finished')).toHaveLength(1)
    expect(events.map(({ type }) => type)).not.toContain('finished')
  })

  it('when an evaluation fails', async () => {
    const why = new Error('lost')
    const owner: Owner = { ...fakeOwner(1), evaluate: () => Promise.reject(why) }
    const { events, error } = await watch(fakeFederation([owner, fakeOwner(2)]))
    expect(error).toBe(why)
    expect(events.filter((event) => event.type === 'owner-trained' && event.owner === 1)).toEqual([])
    expect(events.map(({ type }) => type)).not.toContain('round-finished')
  })

  it('when all fail at once', async () => {
    const learn = () => {
      throw new Error('lost')
    }
    const { error } = await watch(fakeFederation([fakeOwner(1, { learn }), fakeOwner(2, { learn, delay: 5 })]))
    expect(error).toMatchObject({ message: 'lost' })
    // The second rejection must not surface as an unhandled one, which would fail this file.
    await new Promise((resolve) => setTimeout(resolve, 20))
  })

  it.each([
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
  ])('when a merge makes %d', async (value, shown) => {
    const learn = (_: number[], round: number) => (round === 2 ? [value] : [1])
    const owners = [fakeOwner(1, { learn }), fakeOwner(2)]
    const { events, error } = await watch(fakeFederation(owners, { merge: ['max', 'avg'] }))
    expect(error).toMatchObject({ kind: 'training', message: `round 2: merge max made w ${shown}` })
    expect(events.filter(({ type }) => type === 'round-finished')).toHaveLength(1)
  })

  it('when its listener leaves early', async () => {
    const calls: Call[] = []
    const owners = [fakeOwner(1, {}, calls), fakeOwner(2, { delay: 5 }, calls)]
    for await (const event of fakeFederation(owners)) if (event.type === 'owner-progress') break
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(calls.filter(({ what }) => what === 'train').map(({ round }) => round)).toEqual([1, 1])
    // Of the model that they received alone: no merged one follows.
    expect(calls.filter(({ what }) => what === 'evaluate').map(({ values }) => values)).toEqual([[0], [0]])
  })
})
