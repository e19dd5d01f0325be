import type { AccuracyExpectation } from '../config/expectations.ts'
import { percent, plusMinus } from '../format.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { estimate, mean, studentQuantile } from '../stats.ts'
import { modelOf, nothing, pointFor, seriesNames, subjectOf, tableFile } from './accuracy.ts'
import { adviceFor } from './advice.ts'
import { type Demand, demandsOf, type Limit, type Reference, ROUNDING, shortBy } from './demand.ts'
import type { Outcome } from './outcome.ts'

/** A mean of one value has no deviation. */
const LEAST_SEEDS = 2

/**
 * Checks an expectation by the mean over runs that differ in nothing but their seed: one outcome for each series and
 * demand. Pure.
 *
 * With x the accuracies of n seeds, m their mean and s their standard deviation (n - 1), a lower limit L is met if
 * - m >= L;
 * - with `tolerance-sd: k`: m + k s >= L;
 * - with `confidence: c`: m - t s / sqrt(n) >= L, where t is the c-quantile of Student's t distribution with n - 1 degrees
 *   of freedom: the one-sided lower confidence bound of the mean.
 * Of an upper limit, the signs are the other way round. A limit of each seed's own, as that of `max-gap-to`, is taken
 * from its accuracy first.
 * Source of the bound: Student 1908, doi:10.1093/biomet/6.1.1; NIST/SEMATECH e-Handbook, 1.3.5.2.
 *
 * @param runs at least one, each of another seed
 */
export function checkOverSeeds(
  expectation: AccuracyExpectation,
  runs: readonly [LoadedRun, ...LoadedRun[]],
  reference?: Reference,
): Outcome[] {
  const [first] = runs
  return seriesNames(expectation, first).flatMap((name) =>
    demandsOf(expectation, name, reference).map((demand) => checkOne(expectation, name, demand, runs)),
  )
}

function checkOne(
  expectation: AccuracyExpectation,
  name: string,
  demand: Demand,
  runs: readonly [LoadedRun, ...LoadedRun[]],
): Outcome {
  const [first] = runs
  const least = expectation.seeds ?? LEAST_SEEDS
  const missed: Outcome = {
    status: 'missed',
    subject: `${subjectOf(expectation, name)} over seeds`,
    expected: `${demand.expected}${ruleText(expectation)}`,
    got: '',
    file: tableFile(expectation, first),
    seeds: runs.length,
    ...modelOf(name),
  }
  const found: { value: number; limit: Limit; round: number }[] = []
  for (const run of runs) {
    const point = pointFor(run, name, expectation.at)
    const limit = point ? demand.limitFor(run, point) : nothing(expectation, name, run)
    if (!point || typeof limit === 'string')
      return lacking(missed, expectation, { run, found: point !== undefined, why: limit as string })
    found.push({ value: point.accuracy, limit, round: point.round })
  }
  if (runs.length < least) {
    const got = `${runs.length} ${runs.length === 1 ? 'seed' : 'seeds'}, at least ${least} are needed`
    return { ...missed, got, hint: 'run more seeds, for example with seeds: 5 in the experiment file' }
  }
  const values = found.map(({ value }) => value)
  const judged = (['low', 'high'] as const).flatMap((side) => judgeSide(side, found, expectation))
  const short = judged.toSorted((a, b) => b.pointsShort - a.pointsShort)[0]!
  const met = short.pointsShort === 0
  const rounds = new Set(found.map(({ round }) => round))
  const where = rounds.size === 1 ? `round ${[...rounds][0]}` : `rounds ${[...rounds].join(', ')}`
  const bounds = judged.flatMap(({ text }) => text ?? [])
  return {
    ...missed,
    status: met ? 'met' : 'missed',
    got: [`${plusMinus(estimate(values), percent)} % over ${runs.length} seeds in ${where}`, ...bounds].join(', '),
    value: mean(values),
    limit: short.limit,
    pointsShort: short.pointsShort,
    ...(rounds.size === 1 && { round: found[0]!.round }),
    ...(!met && { hint: adviceFor(expectation, first, true) }),
  }
}

/** A seed that has no figure is not left out of the mean: the gate would pass without it. */
function lacking(
  missed: Outcome,
  expectation: AccuracyExpectation,
  { run, found, why }: { run: LoadedRun; found: boolean; why: string },
): Outcome {
  return { ...missed, got: `of seed ${run.manifest.config.seed} ${why}`, hint: adviceFor(expectation, run, found) }
}

/** How the mean stands to the lower or the upper limit, if there is one. */
function judgeSide(
  side: 'low' | 'high',
  found: readonly { value: number; limit: Limit }[],
  { 'tolerance-sd': tolerance, confidence }: AccuracyExpectation,
): { limit: number; pointsShort: number; text: string | undefined }[] {
  const limits = found.flatMap(({ limit }) => limit[side] ?? [])
  if (limits.length < found.length) return []
  const n = found.length
  // How far each is on the right side.
  const sign = side === 'low' ? 1 : -1
  const { mean: middle, sd } = estimate(found.map(({ value }, i) => sign * (value - limits[i]!)))
  const shift =
    confidence === undefined ? (tolerance ?? 0) * sd : (-studentQuantile(confidence, n - 1) * sd) / Math.sqrt(n)
  const short = -(middle + shift)
  const limit = mean(limits)
  const bound = percent(limit + sign * (middle + shift))
  const name = side === 'low' ? 'lower' : 'upper'
  const text = confidence === undefined ? undefined : `${name} ${shareText(confidence)} bound ${bound}`
  return [{ limit, pointsShort: short > ROUNDING ? shortBy(short) : 0, text }]
}

function ruleText({ 'tolerance-sd': tolerance, confidence }: AccuracyExpectation): string {
  if (confidence !== undefined) return ` at ${shareText(confidence)} confidence`
  return tolerance === undefined ? '' : ` within ${tolerance} sd`
}

/** 95 % */
const shareText = (share: number) => `${Number((100 * share).toPrecision(12))} %`
