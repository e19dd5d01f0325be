import { z } from 'zod'
import { HEADS } from '../algorithm/head/registry.ts'
import { MERGE_NAMES } from '../algorithm/merge/registry.ts'
import { FedunifyError, nearest } from '../errors.ts'
import { pathText } from './path-text.ts'
import { show } from './show.ts'

/** Unified models that any run may have; rules of the user's own make others. */
const UNIFIED = [...MERGE_NAMES, ...headNames(), 'pooled'] as const

function headNames(): Exclude<keyof typeof HEADS, 'none'>[] {
  const { none: _, ...heads } = HEADS
  return Object.keys(heads) as Exclude<keyof typeof HEADS, 'none'>[]
}

const count = z.int().min(1)
/** 0.6, or 60 %: a number above 1 without the sign is neither. */
const share = z.union([
  z.number().min(0).max(1),
  z
    .string()
    .regex(/^\s*(100(\.0*)?|\d{1,2}(\.\d*)?|\.\d+)\s*%\s*$/, 'a fraction or a percentage, for example 0.6 or 60 %')
    .transform((text) => Number((Number.parseFloat(text) / 100).toPrecision(15))),
])

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
  min: share.optional().describe('at least this accuracy: a fraction, or a percentage with its sign, as 60 %'),
  max: share.optional().describe('at most this accuracy'),
  'max-drop-from': pathText().optional().describe('a reference CSV of the same columns, or its run folder'),
  points: z
    .number()
    .min(0)
    .optional()
    .describe('percentage points by which it may be less than what it is held against'),
  over: z
    .literal('seeds')
    .optional()
    .describe('judge the mean of runs that differ in nothing but their seed, not each run'),
  seeds: z.int().min(2).optional().describe('with over: so many seeds at least; default: 2'),
  'tolerance-sd': z
    .number()
    .min(0)
    .optional()
    .describe('with over: the mean may miss by so many standard deviations of the seeds'),
  confidence: share
    .optional()
    .describe("with over: Student's one-sided bound of the mean must hold too, at this confidence, as 95 %"),
}

type Demands = z.output<z.ZodObject<typeof demands>> & { readonly 'max-gap-to'?: 'pooled' | undefined }

const unified = z
  .strictObject({
    metric: z.literal('unified').describe("the unified model on the server's test set"),
    merge: z
      .union([z.enum(UNIFIED), z.string().regex(/^[A-Za-z][\w-]*$/)])
      .optional()
      .describe('a merge rule or the head of the run, or pooled; default: every merge rule of the run'),
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

const attack = z
  .strictObject({
    metric: z.literal('attack').describe('what an attack of fedunify audit came to'),
    attack: z
      .string()
      .regex(/^[a-z][a-z-]*$/, 'the name of an attack, for example membership-inference')
      .describe('name of the attack; every model and party that it was made on counts'),
    measure: z
      .string()
      .regex(/^[a-z][\w.-]*$/, 'a figure of the attack, for example auc')
      .describe('the figure, as fedunify audit names it'),
    min: z.number().optional().describe('at least this, of a figure that an attack makes small, such as an error'),
    max: z.number().optional().describe('at most this'),
    when,
  })
  .superRefine(({ min, max, ...expectation }, ctx) => {
    const refuse = (path: string[], message: string, input: unknown) =>
      ctx.addIssue({ code: 'custom', path, message, input })
    if (min === undefined && max === undefined) refuse([], 'a min or a max', expectation)
    else if (min !== undefined && max !== undefined && max < min) {
      refuse(['max'], `a number of at least min, which is ${min}`, max)
    }
  })

const ExpectationSchema = z.discriminatedUnion('metric', [unified, local, participants, labels, attack])

/** What `fedunify check` holds a run against. */
export const ExpectationsSchema = z.array(ExpectationSchema).min(1)

export type Expectation = z.output<typeof ExpectationSchema>

/** An expectation of what an attack comes to. */
export type AttackExpectation = z.output<typeof attack>

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
  const refuse: Refuse = (path, message) =>
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
  assertOver(expectation, refuse)
}

type Refuse = (path: (keyof Demands)[], message: string) => void

/** What only a mean over seeds has. */
function assertOver(expectation: Demands, refuse: Refuse): void {
  const { over, 'tolerance-sd': tolerance, confidence } = expectation
  const idle = (['seeds', 'tolerance-sd', 'confidence'] as const).find((key) => expectation[key] !== undefined)
  if (over === undefined && idle) refuse([idle], `over: seeds beside ${idle}`)
  if (tolerance !== undefined && confidence !== undefined) refuse(['confidence'], 'one of tolerance-sd and confidence')
  if (confidence !== undefined && (confidence <= 0.5 || confidence >= 1)) {
    refuse(['confidence'], 'a confidence above 0.5 and below 1')
  }
}
