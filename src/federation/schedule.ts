import { z } from 'zod'
import { type Choice, make, type Part } from '../parts.ts'

/** The factor by which the learning rate of the first round is multiplied after so many rounds are done. */
type Factor = (done: number, rounds: number) => number

const constant = {
  summary: 'the same learning rate in every round',
  source: 'Lee 2021 names no schedule (doi:10.9708/jksci.2021.26.12.069)',
  options: z.strictObject({}),
  make: () => () => 1,
} satisfies Part<object, Factor>

const cosine = {
  summary: 'half a cosine, from lr in the first round down towards 0 after the last',
  source: 'Loshchilov and Hutter 2017 (arXiv:1608.03983), eq. 5, without restarts',
  options: z.strictObject({}),
  make: () => (done, rounds) => (1 + Math.cos((Math.PI * done) / rounds)) / 2,
} satisfies Part<object, Factor>

const step = {
  summary: 'multiplied by a factor every few rounds',
  source: 'He et al. 2016 (arXiv:1512.03385), section 3.4',
  options: z.strictObject({
    rounds: z.int().min(1).default(10).describe('rounds between two steps').meta({ short: 'lr-step-rounds' }),
    factor: z.number().gt(0).lte(1).default(0.1).describe('factor at each step').meta({ short: 'lr-step-factor' }),
  }),
  make:
    ({ rounds, factor }) =>
    (done) =>
      factor ** Math.floor(done / rounds),
} satisfies Part<{ rounds: number; factor: number }, Factor>

/** How the learning rate goes over the rounds, by the name that `--lr-schedule` takes. */
export const SCHEDULES = { constant, cosine, step } satisfies Record<string, Part<object, Factor>>

export interface Schedule {
  readonly lr: number
  readonly rounds: number
  readonly 'lr-schedule': Choice<typeof SCHEDULES>
  /** Evaluate in every so many rounds, and in the last; undefined: in each. */
  readonly 'evaluate-every'?: number | undefined
  /** End after this round, though the learning rate goes as for all of them. */
  readonly 'stop-after'?: number | undefined
}

/** Which rounds keep the owners' weights. */
export interface Keeping {
  /** Undefined: none does. */
  readonly keep?: 'owners' | undefined
  /** Every so many rounds, and the last; undefined: each. */
  readonly 'keep-every'?: number | undefined
}

/** The last round that is to be done. */
export const lastRound = ({ rounds, 'stop-after': last }: Pick<Schedule, 'rounds' | 'stop-after'>): number =>
  Math.min(rounds, last ?? rounds)

/**
 * Whether the owners' weights of a round (from 1) are kept.
 * @param last the round that ends the run, if it is an earlier one
 */
export const isKept = (
  { keep, rounds, 'keep-every': every = 1 }: Keeping & Pick<Schedule, 'rounds'>,
  round: number,
  last = rounds,
): boolean => keep !== undefined && (round % every === 0 || round === rounds || round === last)

/** Whether models are evaluated in a round (from 1). @param last as above */
export const isEvaluated = (
  { rounds, 'evaluate-every': every = 1 }: Pick<Schedule, 'rounds' | 'evaluate-every'>,
  round: number,
  last = rounds,
): boolean => round % every === 0 || round === rounds || round === last

/** Learning rate of a round (from 1). */
export const learningRate = ({ lr, rounds, 'lr-schedule': schedule }: Schedule, round: number): number =>
  lr * make(SCHEDULES, schedule)(round - 1, rounds)
