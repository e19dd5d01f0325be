import { z } from 'zod'
import { MERGE_NAMES } from '../algorithm/merge/registry.ts'
import { FedunifyError, nearest } from '../errors.ts'
import { pathText } from './path-text.ts'
import { show } from './show.ts'

/** Unified models that any run may have; rules of the user's own make others. */
const UNIFIED = [...MERGE_NAMES, 'pooled'] as const

const count = z.int().min(1)
const fraction = z.number().min(0).max(1)

const when = z
  .record(z.string(), z.unknown())
  .optional()
  .describe('only for runs whose experiment has these values, for example { env: H }')

const at = z
  .union([count, z.enum(['end', 'best'])], 'a round number, end or best')
  .default('end')
  .describe('the round: its number, end, or best (the most accurate one)')

const demands = {
  at,
  min: fraction.optional().describe('at least this accuracy, a fraction'),
  max: fraction.optional().describe('at most this accuracy, a fraction'),
  'max-drop-from': pathText().optional().describe('a reference CSV of the same columns, or its run folder'),
  points: z
    .number()
    .min(0)
    .optional()
    .describe('percentage points by which it may be less than what it is held against'),
}

interface Demands {
  readonly min?: number | undefined
  readonly max?: number | undefined
  readonly 'max-gap-to'?: 'pooled' | undefined
  readonly 'max-drop-from'?: string | undefined
  readonly points?: number | undefined
}

const unified = z
  .strictObject({
    metric: z.literal('unified').describe("the unified model on the server's test set"),
    merge: z
      .union([z.enum(UNIFIED), z.string().regex(/^[A-Za-z][\w-]*$/)])
      .optional()
      .describe('a merge rule of the run, or pooled; default: every merge rule of the run'),
    ...demands,
    'max-gap-to': z.literal('pooled').optional().describe('the pooled baseline, in the same round'),
    when,
  })
  .superRefine(assertDemands)

const local = z
  .strictObject({
    metric: z.literal('local').describe("an owner's local model on its own test set"),
    owner: count.optional().describe('default: every owner'),
    ...demands,
    when,
  })
  .superRefine(assertDemands)

const participants = z.strictObject({
  metric: z.literal('participants').describe('how many owners took part'),
  'each-round': count.describe('so many in every round'),
  when,
})

const labels = z.strictObject({
  metric: z.literal('labels').describe("the label histogram of an owner's shard"),
  owner: count,
  sha256: z
    .string()
    .regex(/^[\da-f]{64}$/i, '64 hexadecimal digits')
    .describe("labels_sha256 of the shard in a run's manifest"),
  when,
})

const ExpectationSchema = z.discriminatedUnion('metric', [unified, local, participants, labels])

/** What `fedunify check` holds a run against. */
export const ExpectationsSchema = z.array(ExpectationSchema).min(1)

export type Expectation = z.output<typeof ExpectationSchema>

/** An expectation of an accuracy. */
export type AccuracyExpectation = z.output<typeof unified> | z.output<typeof local>

/**
 * @param own names of merge rules of the user's own
 * @param where the place of the i-th of them
 * @throws FedunifyError (usage) if one is of a merge rule that there is not
 */
export function assertMergeNames(
  expectations: readonly Expectation[],
  own: readonly string[],
  where: (i: number) => string,
): void {
  const names = [...new Set([...UNIFIED, ...own])]
  for (const [i, expectation] of expectations.entries()) {
    const merge = expectation.metric === 'unified' ? expectation.merge : undefined
    if (merge === undefined || names.includes(merge)) continue
    const near = nearest(merge, names)
    const message = `${where(i)}: expect.${i}.merge: expected one of ${names.join(', ')}, got ${show(merge)}`
    throw new FedunifyError('E_UNKNOWN_NAME', message, near && `did you mean ${near}?`)
  }
}

/** What no single key can tell: an expectation must be able to fail, and `points` needs something to count from. */
function assertDemands(expectation: Demands, ctx: z.RefinementCtx): void {
  const { min, max, points, 'max-gap-to': gap, 'max-drop-from': drop } = expectation
  const refuse = (path: (keyof Demands)[], message: string) =>
    ctx.addIssue({ code: 'custom', path, message, input: path.length > 0 ? expectation[path[0]!] : expectation })
  const held = gap !== undefined || drop !== undefined
  if (min === undefined && max === undefined && !held) {
    refuse([], points === undefined ? 'a min or a max (fractions), or max-drop-from' : 'max-drop-from beside points')
  } else if (min !== undefined && max !== undefined && max < min) {
    refuse(['max'], `a number of at least min, which is ${min}`)
  } else if (gap !== undefined && drop !== undefined) {
    refuse(['max-drop-from'], 'max-gap-to in one expectation and max-drop-from in another')
  } else if (held && points === undefined) {
    refuse(['points'], 'the percentage points that it may be less')
  } else if (!held && points !== undefined) {
    refuse(['points'], 'max-gap-to or max-drop-from beside points')
  }
}
