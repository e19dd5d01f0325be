import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { MERGE_RULES } from '../../src/algorithm/merge/registry.ts'
import type { MergeRule, MergeTensor, ModelLook } from '../../src/algorithm/merge/rule.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { fakeFederation } from '../support/fake-federation.ts'
import { fakeOwner } from '../support/fake-owner.ts'

const registry: Record<string, MergeRule> = MERGE_RULES

afterEach(() => {
  delete registry.mine
})

/** What a federation of two owners with two weights ends with, if a rule of this test merges them. */
const outcome = (merge: (...args: Parameters<MergeTensor>) => unknown) => outcomeOf(merge as MergeTensor)

/** The same of a rule that looks at the models first. */
const looked = (look: (...args: Parameters<ModelLook['look']>) => unknown) =>
  outcomeOf({ look: look as ModelLook['look'] })

async function outcomeOf(made: MergeTensor | ModelLook): Promise<unknown> {
  registry.mine = {
    summary: 'a rule that somebody is writing',
    source: 'none',
    when: 'never',
    needs: 'each',
    options: z.strictObject({}),
    make: () => made,
  }
  const given = { rounds: 3, merge: ['avg', 'mine' as 'avg'], model: [0, 0] } as const
  try {
    let last: unknown
    for await (const event of fakeFederation([fakeOwner(1), fakeOwner(2)], given)) last = event
    return last
  } catch (error) {
    return error
  }
}

const fault = (what: string) => ({
  name: 'FedunifyError',
  kind: 'training',
  message: `round 1: merge mine, tensor w: the rule ${what}`,
  hint: 'a rule only reads the values, must write every element of its output, and return nothing',
})

describe('a rule of somebody else', () => {
  it('is used if it does what it must', async () => {
    expect(await outcome(([first], _, out) => out.set(first!))).toMatchObject({ type: 'finished', rounds: 3 })
  })

  it('that throws is named, with what it threw', async () => {
    const error = await outcome(() => {
      throw new TypeError('values.mean is not a function')
    })
    expect(error).toMatchObject(fault('threw values.mean is not a function'))
    expect((error as Error).cause).toBeInstanceOf(TypeError)
    const text = await outcome(() => {
      throw 'no'
    })
    expect(text).toMatchObject(fault('threw no'))
  })

  it('that returns its result is told where it belongs', async () => {
    expect(await outcome(() => [1, 2, 3])).toMatchObject(fault('returned 3 values'))
    expect(await outcome(() => new Float32Array(2))).toMatchObject(fault('returned 2 values'))
    expect(await outcome(async () => {})).toMatchObject(fault('returned a Promise'))
    expect(await outcome(() => null)).toMatchObject(fault('returned a Null'))
  })

  it('that writes nothing, too little or NaN does not pass off what was in memory before', async () => {
    expect(await outcome(() => {})).toMatchObject(fault("left element 0 of 2 NaN, though all owners' are finite"))
    const partly: MergeTensor = ([first], _, out) => {
      out[0] = first![0]!
    }
    expect(await outcome(partly)).toMatchObject(fault("left element 1 of 2 NaN, though all owners' are finite"))
    let round = 0
    const later: MergeTensor = ([first], _, out) => {
      round += 1
      if (round < 3) out.set(first!)
    }
    expect(await outcome(later)).toMatchObject({
      message: "round 3: merge mine, tensor w: the rule left element 0 of 2 NaN, though all owners' are finite",
    })
    expect(await outcome((_, __, out) => out.fill(Number.NaN))).toMatchObject({ kind: 'training' })
  })

  it('that changes the values of an owner is found out, whatever becomes of the result', async () => {
    const worse: MergeTensor = (values, _, out) => {
      out.set(values[0]!)
      values[1]![1]! += 1
    }
    expect(await outcome(worse)).toMatchObject(fault('changed the values of owner 2'))
    const base: MergeTensor = ([first], _, out, tensor) => {
      out.set(first!)
      tensor.base![0]! = 3
    }
    expect(await outcome(base)).toMatchObject(fault('changed base'))
    const own: MergeTensor = (values, owners, out) => {
      out.set((values as Float32Array[]).sort()[0]!)
      ;(owners as unknown[]).reverse()
    }
    expect(await outcome(own)).toMatchObject({ type: 'finished' })
    const facts: MergeTensor = ([first], owners, out) => {
      out.set(first!)
      ;(owners[0] as { trainImages: number }).trainImages = 1
    }
    expect(await outcome(facts)).toMatchObject({ message: expect.stringContaining('the rule threw Cannot assign to') })
  })

  it('that makes an infinity is named', async () => {
    expect(await outcome((_, __, out) => void out.fill(Number.POSITIVE_INFINITY))).toMatchObject({
      kind: 'training',
      message: 'round 1: merge mine made w Infinity',
    })
  })
})

describe('a rule of somebody else that looks at the models first', () => {
  const fault = (what: string) => ({ kind: 'training', message: `round 1: merge mine: the rule ${what}` })

  it('sees each owner with its whole model, the received one and the round', async () => {
    const seen: unknown[] = []
    const first: MergeTensor = ([first], _, out) => out.set(first!)
    const ended = await looked((models, owners, { round, base }) => {
      const values = (model: Weights | undefined) => [...model!.get('w')!.data]
      seen.push([models.map(values), owners.map(({ owner }) => owner), round, values(base)])
      return first
    })
    expect(ended).toMatchObject({ type: 'finished' })
    // Each fake owner adds its number; the base of the second round is what avg made of the first.
    expect(seen.slice(0, 2)).toEqual([
      [
        [
          [1, 1],
          [2, 2],
        ],
        [1, 2],
        1,
        [0, 0],
      ],
      [
        [
          [2.5, 2.5],
          [3.5, 3.5],
        ],
        [1, 2],
        2,
        [1.5, 1.5],
      ],
    ])
  })

  it('that throws, changes what it sees or returns no function is named', async () => {
    expect(
      await looked(() => {
        throw new TypeError('models.mean is not a function')
      }),
    ).toMatchObject(fault('threw models.mean is not a function'))
    expect(await looked(() => 3)).toMatchObject(fault('returned a Number from look, which must return a function'))
    const worse = (model: Weights) => {
      model.get('w')!.data[1]! += 1
      return () => {}
    }
    expect(await looked((models) => worse(models[1]!))).toMatchObject(fault('changed the values of owner 2'))
    expect(await looked((_, __, { base }) => worse(base!))).toMatchObject(fault('changed base'))
  })
})
